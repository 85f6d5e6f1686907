"""Turns records of cells into boards of rows; a board holds only rows of one protocol."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchmark.plan.stage_kinds import training_kinds
from benchmark.results.board import (
    DERIVED,
    GAIN,
    GAP_RECOVERED,
    MIOU_LEARNABLE,
    OVER_CONTROL,
    Board,
    Record,
    Row,
    Training,
    reorder,
)
from benchmark.results.board_notes import (
    board_warnings,
    deciding_scenario,
    failure_reasons,
    joined_reasons,
    label_differences,
    why_missing,
)
from benchmark.results.controls import with_controls
from benchmark.results.image_counts import group_counts
from benchmark.results.places import with_places
from benchmark.results.record_fields import RANKED_BY, family_of, role_of, seed_pair
from benchmark.results.records import DONE
from benchmark.results.seed_pairs import SeedPair, mean
from benchmark.results.statistics import Estimate, estimate

Columns = Callable[[Sequence[Record]], Mapping[str, float | None]]
Values = Mapping[str, Mapping[str, Any]]
LEARNABLE_IOU = 0.10
"""A class with a lower mean IoU in the oracle row, which is trained on its labels, is not learnable here."""


def boards(records: Iterable[Record], columns: Columns | None = None) -> list[Board]:
    """All boards, by scenario, the one with the newest record first.

    Args:
        records: Cells in the form of schema 2; the newest of those with equal configuration and seed counts.
        columns: Extra numbers for a row, from its records.
    """
    extra_columns: Columns = columns or (lambda _: {})
    protocols: dict[str, list[Record]] = defaultdict(list)
    for record in sorted(records, key=_time):  # all below relies on it: later records replace earlier ones
        protocols[_protocol(record)].append(record)
    found: list[Board] = []
    for group in protocols.values():
        parts: list[list[Record]] = []
        for same_budget in _split(group, _budget_digest):
            parts += _split(same_budget, _data_digest)
        for part in parts:
            variant = _variant(part) if len(parts) > 1 else ""
            boards_of_part = [_board(family, extra_columns) for family in _families(part)]
            found += [replace(board, variant=variant) for board in boards_of_part]
    # sorts are stable: within a scenario, the order by time stays
    found.sort(key=lambda board: board.latest, reverse=True)
    return sorted(found, key=lambda board: board.scenario)


def _time(record: Record) -> str:
    return str(record.get("provenance", {}).get("time", ""))


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _protocol(record: Record) -> str:
    shared = [record[key] for key in ("scenario", "classes", "size", "checkpoint")]
    return _canonical([*shared, record["budget"]["name"], deciding_scenario(record)])


def _budget_digest(record: Record) -> str | None:
    return record["budget"]["digest"] or None


def _data_digest(record: Record) -> str | None:
    return None if record["data"] is None else _canonical(record["data"])


def _split(records: Sequence[Record], digest: Callable[[Record], str | None]) -> list[list[Record]]:
    """Records grouped by digest; those without one join the others where there is just one other group."""
    parts: dict[str | None, list[Record]] = defaultdict(list)
    for record in records:
        parts[digest(record)].append(record)
    if None in parts and len(parts) == 2:
        return [list(records)]
    return list(parts.values())


def _families(records: Sequence[Record]) -> list[list[Record]]:
    """Records by family of segmenters: what is compared shares its control rows."""
    families: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        families[family_of(record)].append(record)
    return list(families.values())


def _variant(records: Sequence[Record]) -> str:
    """What sets a part of a protocol apart, for its title."""
    parts = []
    if digest := _first_known(record["budget"]["digest"] for record in records):
        parts.append(f"contents {digest[:8]}")
    else:
        parts.append("contents unknown")
    if data := _first_known(record["data"] for record in records):
        parts.append("data " + " ".join(str(fingerprint)[:6] for fingerprint in data.values()))
    else:
        parts.append("data unknown")
    return ", ".join(parts)


def _first_known(values: Iterable[Any]) -> Any:
    return next((value for value in values if value), None)


def _board(records: Sequence[Record], columns: Columns) -> Board:
    records, outdated = _without_outdated_files(records)
    first = records[0]
    wanted = tuple(sorted({seed_pair(record) for record in records}))
    values: dict[str, Any] = {}
    for record in records:
        values |= record["values"]
    names = _metric_names(records, values)
    rows = _rows(records, names, values, columns)
    rows = with_controls(rows, {record["config_key"]: record for record in records})
    unlearnable = _unlearnable_classes(first["classes"], rows)
    if unlearnable:
        rows = [_with_learnable_miou(row, unlearnable) for row in rows]
    else:
        names = tuple(name for name in names if name != MIOU_LEARNABLE)
    budget_digests = [record["budget"]["digest"] for record in records]
    fingerprints = [record["data"] for record in records]
    board = Board(
        scenario=first["scenario"],
        classes=tuple(first["classes"]),
        size=tuple(first["size"]),
        budget=first["budget"]["name"],
        checkpoint=first["checkpoint"],
        family=family_of(first),
        wanted=wanted,
        rows=tuple(with_places(label_differences(rows, records))),
        metrics=names,
        values=values,
        warnings=(*board_warnings(records), *outdated),
        latest=_time(records[-1]),
        score_translations=deciding_scenario(first)["score_translations"],
        budget_digest=_first_known(budget_digests),
        data=_first_known(fingerprints),
        unlearnable=unlearnable,
    )
    return reorder(board, RANKED_BY)


def _without_outdated_files(records: Sequence[Record]) -> tuple[list[Record], list[str]]:
    """Records without those of plugins whose files have changed since, and a line for each row that lost some.

    The digest of a plugin that is given as a file is part of its configuration. Of configurations that differ in
    nothing else, the one with the newest record holds: numbers of an edited file must not stand beside today's.

    Args:
        records: Of one board, from the oldest to the newest.
    """
    newest: dict[str, str] = {}
    for record in records:
        newest[_config_without_code(record)] = record["config_key"]
    current, outdated = [], Counter[str]()
    for record in records:
        if newest[_config_without_code(record)] == record["config_key"]:
            current.append(record)
        else:
            outdated[f"{record['translator']} x {record['segmenter']}"] += 1
    left_out = "of older contents of a plugin's file left out"
    return current, [f"{row}: {count} cells {left_out}" for row, count in outdated.items()]


def _config_without_code(record: Record) -> str:
    """Names and configuration of a row, as text, without digests of the files of plugins."""
    config = dict(record["config"])
    config.pop("metrics", None)
    of_files = False
    for kind in ("translator", "segmenter", "auxiliary_segmenter"):
        if kind in config:
            of_files = of_files or bool(config[kind].get("code"))
            config[kind] = {name: value for name, value in config[kind].items() if name != "code"}
    key = "" if of_files else record["config_key"]  # of packages, each configuration is a row of its own
    return _canonical([record["translator"], record["segmenter"], config, key])


def _metric_names(records: Sequence[Record], values: Values) -> tuple[str, ...]:
    """All values of a board in the order of columns: the ranking value, headlines in the order of metrics, others."""
    named = dict.fromkeys(values)
    for record in records:
        named |= dict.fromkeys([*record["metrics"], *record["missing"]])
    headlines = [name for name in named if values.get(name, {}).get("headline", True)]
    others = [name for name in named if name not in headlines]
    return tuple(dict.fromkeys([RANKED_BY, MIOU_LEARNABLE, GAP_RECOVERED, OVER_CONTROL, *headlines, *others, GAIN]))


def _rows(records: Sequence[Record], names: Sequence[str], values: Values, columns: Columns) -> list[Row]:
    """A row per configuration; one without a finished cell is dropped once another of its name is newer."""
    cells: dict[tuple[str, str, str], dict[SeedPair, Record]] = defaultdict(dict)
    for record in records:
        cells[record["translator"], record["segmenter"], record["config_key"]][seed_pair(record)] = record
    newest = {(record["translator"], record["segmenter"]): record["config_key"] for record in records}
    seeds: dict[str, set[int]] = defaultdict(set)
    for record in records:
        seeds[record["segmenter"]].add(record["seed"])
    rows = []
    for (translator, segmenter, key), by_seed in cells.items():
        cells_of_row = list(by_seed.values())
        has_result = any(record["status"] == DONE for record in cells_of_row)
        if has_result or newest[translator, segmenter] == key:
            wanted = _wanted_cells(cells_of_row, seeds[segmenter])
            rows.append(_row(cells_of_row, wanted, names, values, columns))
    return rows


def _wanted_cells(records: Iterable[Record], seeds: Iterable[int]) -> tuple[SeedPair, ...]:
    """The cells of a complete row: for each translator seed of its segmenter, all segmenters that it was asked for.

    A few rows may have more segmenters for each translator than others, as in a study of variance; that takes nothing
    from the others.
    """
    segmenter_seeds = sorted({seed_pair(record).segmenter_seed for record in records})
    wanted: list[SeedPair] = []
    for seed in sorted(seeds):
        wanted += [SeedPair(seed, number) for number in segmenter_seeds]
    return tuple(wanted)


def _row(
    records: Sequence[Record], wanted: tuple[SeedPair, ...], names: Sequence[str], values: Values, columns: Columns
) -> Row:
    """A row of its cells, before it is compared with others."""
    first = records[0]
    done = [record for record in records if record["status"] == DONE]
    trainings = {}
    for kind in training_kinds():
        stages = _timed_stages(done, kind.name)
        if stages:
            trainings[kind.name] = _training_cost(stages)
    seconds = _mean_of_known(record["cost"].get("seconds") for record in done)
    class_scores = _class_scores(done)
    counts = {seed_pair(record): group_counts(record) for record in done}
    return Row(
        translator=first["translator"],
        segmenter=first["segmenter"],
        config_key=first["config_key"],
        role=role_of(first),
        wanted=wanted,
        done=tuple(sorted(map(seed_pair, done))),
        metrics={name: _metric(done, name, values) for name in names if name not in DERIVED},
        per_class={name: estimate(found) for name, found in class_scores.items()},
        extra=dict(columns(done)) if done else {},
        failures=failure_reasons(records, wanted),
        seconds=seconds,
        highlights=_highlights(done),
        trainings=trainings,
        images_seen=done[-1]["images_seen"] if done else {},
        scores=_finite_values(done, RANKED_BY),
        class_scores=class_scores,
        counts={pair: found for pair, found in counts.items() if found is not None},
    )


def _timed_stages(done: Sequence[Record], kind: str) -> list[Record]:
    """The stages of a kind, one for each cell that has it and recorded its time."""
    stages = [record.get("stages", {}).get(kind, {}) for record in done]
    return [stage for stage in stages if stage.get("seconds")]


def _training_cost(stages: Sequence[Record]) -> Training:
    facts = [stage.get("facts", {}) for stage in stages]
    seconds = math.fsum(stage["seconds"] for stage in stages) / len(stages)
    speed = _mean_of_known(fact.get("images_per_second") for fact in facts)
    # a stage has the first only where it ran on a GPU, whose memory is the scarce one
    peak_bytes = _mean_of_known(fact.get("peak_gpu_memory_bytes", fact.get("peak_memory_bytes")) for fact in facts)
    devices = sorted({f"{stage.get('device', '?')} {stage.get('precision', '?')}" for stage in stages})
    return Training(
        minutes=seconds / 60,
        images_per_second=speed,
        memory=None if peak_bytes is None else peak_bytes / 2**30,
        device=", ".join(devices),
    )


def _mean_of_known(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


def _finite_values(records: Iterable[Record], name: str) -> dict[SeedPair, float]:
    """Finite values of done cells, by seeds."""
    found = {seed_pair(record): record["metrics"].get(name) for record in records if record["status"] == DONE}
    return {pair: value for pair, value in found.items() if value is not None and math.isfinite(value)}


def _metric(done: Sequence[Record], name: str, values: Values) -> Estimate:
    found = _finite_values(done, name)
    measures = values.get(name, {}).get("measures", "")
    without = [record for record in done if seed_pair(record) not in found]
    reasons = {seed_pair(record): why_missing(record, name, measures) for record in without}
    return estimate(found, joined_reasons(reasons))


def _class_scores(done: Sequence[Record]) -> dict[str, dict[SeedPair, float]]:
    """IoU by class name and seeds, of the cells that have the class."""
    values: dict[str, dict[SeedPair, float]] = defaultdict(dict)
    for record in done:
        for section in record.get("details", {}).values():
            for name, value in section.get("iou", {}).items():
                if value is not None:
                    values[name][seed_pair(record)] = value
    return dict(values)


def _highlights(done: Sequence[Record]) -> tuple[str, ...]:
    first: Record = min(done, key=seed_pair, default={})
    lines: list[str] = []
    for section in first.get("details", {}).values():
        lines += map(str, section.get("highlights", ()))
    return tuple(lines)


def _unlearnable_classes(classes: Sequence[str], rows: Sequence[Row]) -> tuple[str, ...]:
    """The classes that no ceiling row learns; none where there is no ceiling to say so."""
    ceilings = [row for row in rows if row.role == "ceiling" and row.per_class]
    if not ceilings:
        return ()
    unlearnable = []
    for name in classes:
        best = max((row.per_class[name].mean or 0.0 for row in ceilings if name in row.per_class), default=0.0)
        if best < LEARNABLE_IOU:
            unlearnable.append(name)
    return tuple(unlearnable)


def _with_learnable_miou(row: Row, unlearnable: Collection[str]) -> Row:
    """The row with mIoU over the classes that a ceiling learns, as its metrics hold mIoU over all."""
    learnable: dict[SeedPair, list[float]] = defaultdict(list)
    for name, values in row.class_scores.items():
        if name not in unlearnable:
            for pair, value in values.items():
                learnable[pair].append(value)
    reason = "no IoU of single classes" if row.done and not learnable else ""
    found = estimate({pair: mean(values) for pair, values in learnable.items()}, reason)
    return replace(row, metrics={**row.metrics, MIOU_LEARNABLE: found})
