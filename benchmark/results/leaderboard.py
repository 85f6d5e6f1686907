"""Turns records of cells into boards of rows; a board holds only rows of one protocol."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchmark.api.spec import CEILING, FLOOR
from benchmark.plan.stage_kinds import training_kinds
from benchmark.results.board import DERIVED, RANKED_BY, ROLES, Board, Record, Row, Training, reorder
from benchmark.results.board_notes import (
    board_warnings,
    deciding_scenario,
    failure_reasons,
    joined_reasons,
    label_differences,
    why_missing,
)
from benchmark.results.records import DONE
from benchmark.results.statistics import Estimate, estimate, gap_recovered, paired_differences, ranks

Columns = Callable[[Sequence[Record]], Mapping[str, float | None]]
Values = Mapping[str, Mapping[str, Any]]


class Controls:
    """Ranking values of the control rows that other rows are compared with, by kind of training, data and seed."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str, str], dict[int, float]] = defaultdict(dict)
        self._seeds: dict[tuple[str, str], set[int]] = defaultdict(set)

    def add(self, record: Record) -> None:
        """Add a record of a control row; later ones replace earlier ones."""
        control, training = record["translator"], _training_conditions(record)
        found = _finite_values([record], RANKED_BY)
        self._values[control, training, _canonical(record["data"])] |= found
        self._seeds[control, training] |= set(found)

    def of(self, control: str, record: Record) -> dict[int, float]:
        """The values by seed that a record's row may be compared with: trained alike, on the same data."""
        key = (control, _training_conditions(record), _canonical(record["data"]))
        return self._values.get(key, {})

    def other_data(self, record: Record) -> bool:
        """Whether controls of this kind of training exist that saw other data, or data that is not known."""
        training = _training_conditions(record)
        for control in ROLES:
            seeds_of_any_data = self._seeds.get((control, training), set())
            if seeds_of_any_data - set(self.of(control, record)):
                return True
        return False


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
            found.append(replace(_board(part, extra_columns), variant=variant))
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


def _training_conditions(record: Record) -> str:
    """What a row shares with the control rows it is compared with: segmenter, device and precision, scenario."""
    own = ("translator", "metrics", "auxiliary_segmenter")
    shared = {key: value for key, value in record["config"].items() if key not in own}
    return _canonical(shared | {"scenario": deciding_scenario(record)})


def _board(records: Sequence[Record], columns: Columns) -> Board:
    records, outdated = _without_outdated_files(records)
    first = records[0]
    seeds = tuple(sorted({record["seed"] for record in records}))
    values: dict[str, Any] = {}
    for record in records:
        values |= record["values"]
    names = _metric_names(records, values)
    rows = _rows(records, seeds, names, values, columns)
    budget_digests = [record["budget"]["digest"] for record in records]
    fingerprints = [record["data"] for record in records]
    board = Board(
        scenario=first["scenario"],
        classes=tuple(first["classes"]),
        size=tuple(first["size"]),
        budget=first["budget"]["name"],
        checkpoint=first["checkpoint"],
        seeds=seeds,
        rows=tuple(_with_ranks(label_differences(rows, records), seeds)),
        metrics=names,
        values=values,
        warnings=(*board_warnings(records), *outdated),
        latest=_time(records[-1]),
        score_translations=deciding_scenario(first)["score_translations"],
        budget_digest=_first_known(budget_digests),
        data=_first_known(fingerprints),
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
    return tuple(dict.fromkeys([RANKED_BY, "gap_recovered", *headlines, *others, "gain"]))


def _rows(
    records: Sequence[Record], seeds: tuple[int, ...], names: Sequence[str], values: Values, columns: Columns
) -> list[Row]:
    """A row per configuration; one without a finished cell is dropped once another of its name is newer."""
    cells: dict[tuple[str, str, str], dict[int, Record]] = defaultdict(dict)
    controls = Controls()
    for record in records:
        cells[record["translator"], record["segmenter"], record["config_key"]][record["seed"]] = record
        if record["translator"] in ROLES:
            controls.add(record)
    newest = {(record["translator"], record["segmenter"]): record["config_key"] for record in records}
    rows = []
    for (translator, segmenter, key), by_seed in cells.items():
        cells_of_row = list(by_seed.values())
        has_result = any(record["status"] == DONE for record in cells_of_row)
        if has_result or newest[translator, segmenter] == key:
            rows.append(_row(cells_of_row, seeds, names, values, controls, columns))
    return rows


def _row(
    records: Sequence[Record],
    wanted: tuple[int, ...],
    names: Sequence[str],
    values: Values,
    controls: Controls,
    columns: Columns,
) -> Row:
    first = records[0]
    done = [record for record in records if record["status"] == DONE]
    metrics = {name: _metric(done, name, values) for name in names if name not in DERIVED}
    metrics |= _against_controls(first, done, controls)
    trainings = {}
    for kind in training_kinds():
        stages = _timed_stages(done, kind.name)
        if stages:
            trainings[kind.name] = _training_cost(stages)
    seeds = sorted(record["seed"] for record in done)
    seconds = _mean(record["cost"].get("seconds") for record in done)
    return Row(
        translator=first["translator"],
        segmenter=first["segmenter"],
        config_key=first["config_key"],
        wanted=wanted,
        seeds=tuple(seeds),
        metrics=metrics,
        per_class=_per_class(done),
        extra=dict(columns(done)) if done else {},
        failures=failure_reasons(records, wanted),
        seconds=seconds,
        highlights=_highlights(done),
        trainings=trainings,
        images_seen=done[-1]["images_seen"] if done else {},
    )


def _timed_stages(done: Sequence[Record], kind: str) -> list[Record]:
    """The stages of a kind, one for each cell that has it and recorded its time."""
    stages = [record.get("stages", {}).get(kind, {}) for record in done]
    return [stage for stage in stages if stage.get("seconds")]


def _training_cost(stages: Sequence[Record]) -> Training:
    facts = [stage.get("facts", {}) for stage in stages]
    seconds = math.fsum(stage["seconds"] for stage in stages) / len(stages)
    speed = _mean(fact.get("images_per_second") for fact in facts)
    # a stage has the first only where it ran on a GPU, whose memory is the scarce one
    peak_bytes = _mean(fact.get("peak_gpu_memory_bytes", fact.get("peak_memory_bytes")) for fact in facts)
    devices = sorted({f"{stage.get('device', '?')} {stage.get('precision', '?')}" for stage in stages})
    return Training(
        minutes=seconds / 60,
        images_per_second=speed,
        memory=None if peak_bytes is None else peak_bytes / 2**30,
        device=", ".join(devices),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


def _finite_values(records: Iterable[Record], name: str) -> dict[int, float]:
    """Finite values of done cells, by seed."""
    found = {record["seed"]: record["metrics"].get(name) for record in records if record["status"] == DONE}
    return {seed: value for seed, value in found.items() if value is not None and math.isfinite(value)}


def _metric(done: Sequence[Record], name: str, values: Values) -> Estimate:
    found = _finite_values(done, name)
    measures = values.get(name, {}).get("measures", "")
    without = [record for record in done if record["seed"] not in found]
    reasons = {record["seed"]: why_missing(record, name, measures) for record in without}
    return estimate(found.values(), joined_reasons(reasons))


def _against_controls(first: Record, done: Sequence[Record], controls: Controls) -> dict[str, Estimate]:
    """Share of the gap that is closed and gain over the floor, with controls that were trained on the same data."""
    floor, ceiling = controls.of(FLOOR, first), controls.of(CEILING, first)
    own = _finite_values(done, RANKED_BY)
    shares, reasons = gap_recovered(own, floor, ceiling)
    gains = paired_differences(own, floor)
    no_gain = "" if gains else "no source-only result for these seeds"
    if controls.other_data(first):
        hint = ": those of this board were trained on other data, or it is not known on which"
        for seed in reasons:
            if seed not in ceiling or seed not in floor:  # a control is missing, not just below the floor
                reasons[seed] += hint
        if no_gain:
            no_gain += hint
    for record in done:
        if record["seed"] not in own:
            reasons[record["seed"]] = f"no {RANKED_BY}"
    return {
        "gap_recovered": estimate(shares.values(), joined_reasons(reasons)),
        "gain": estimate(gains.values(), no_gain),
    }


def _per_class(done: Sequence[Record]) -> dict[str, Estimate]:
    values: dict[str, list[float]] = defaultdict(list)
    for record in done:
        for section in record.get("details", {}).values():
            for name, value in section.get("iou", {}).items():
                if value is not None:
                    values[name].append(value)
    return {name: estimate(found) for name, found in values.items()}


def _highlights(done: Sequence[Record]) -> tuple[str, ...]:
    first: Record = min(done, key=lambda record: int(record["seed"]), default={})
    lines: list[str] = []
    for section in first.get("details", {}).values():
        lines += map(str, section.get("highlights", ()))
    return tuple(lines)


def _with_ranks(rows: Sequence[Row], seeds: Sequence[int]) -> list[Row]:
    """The rows with places, of the complete ones; none has a place where there is one seed, as noise decides there."""
    if len(seeds) < 2:
        return list(rows)
    # a mean over fewer seeds is not that of the same trainings, so an incomplete row has no place
    means = [row.metrics[RANKED_BY].mean if row.complete else None for row in rows]
    places = ranks(means)
    return [replace(row, rank=place) for row, place in zip(rows, places, strict=True)]
