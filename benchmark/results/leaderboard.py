"""Turns the records of cells into boards of rows: only what was measured alike stands in one board."""

from __future__ import annotations

import json
import math
from collections import defaultdict
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
    """The ranking value of control rows, by what was trained besides, by data, and by seed."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str, str], dict[int, float]] = defaultdict(dict)
        self._seeds: dict[tuple[str, str], set[int]] = defaultdict(set)

    def add(self, record: Record) -> None:
        """Take in a record of a control row; later ones replace earlier ones."""
        control, training = record["translator"], _training(record)
        found = _finite_values([record], RANKED_BY)
        self._values[control, training, _canonical(record["data"])] |= found
        self._seeds[control, training] |= set(found)

    def of(self, control: str, record: Record) -> dict[int, float]:
        """The values by seed that a record's row may be held against: trained alike, on the same data."""
        return self._values.get((control, _training(record), _canonical(record["data"])), {})

    def other_data(self, record: Record) -> bool:
        """Whether controls of this kind of training exist that saw other data, or data that is not known."""
        training = _training(record)
        return any(self._seeds.get((name, training), set()) - set(self.of(name, record)) for name in ROLES)


def boards(records: Iterable[Record], columns: Columns | None = None) -> list[Board]:
    """All boards, by scenario, the one with the newest record first.

    Args:
        records: Cells in the form of schema 2; the newest of those with equal configuration and seed counts.
        columns: Extra numbers for a row, from its records.
    """
    protocols: dict[str, list[Record]] = defaultdict(list)
    for record in sorted(records, key=_time):
        protocols[_protocol(record)].append(record)
    found: list[Board] = []
    for group in protocols.values():
        parts = [part for same_budget in _split(group, _budget_digest) for part in _split(same_budget, _data_digest)]
        variants = [_variant(part) for part in parts] if len(parts) > 1 else [""]
        found += [
            replace(_board(part, columns or (lambda _: {})), variant=variant)
            for part, variant in zip(parts, variants, strict=True)
        ]
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
    """Records by digest; those that know none stand with the others only where there is no choice."""
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


def _training(record: Record) -> str:
    """What a row shares with the control rows it is held against: segmenter, device and precision, scenario."""
    own = ("translator", "metrics", "auxiliary_segmenter")
    shared = {key: value for key, value in record["config"].items() if key not in own}
    return _canonical(shared | {"scenario": deciding_scenario(record)})


def _board(records: Sequence[Record], columns: Columns) -> Board:
    first = records[0]
    seeds = tuple(sorted({record["seed"] for record in records}))
    values: dict[str, Any] = {}
    for record in records:
        values |= record["values"]
    names = _metric_names(records, values)
    rows = _rows(records, seeds, names, values, columns)
    bare = Board(
        scenario=first["scenario"],
        classes=tuple(first["classes"]),
        size=tuple(first["size"]),
        budget=first["budget"]["name"],
        checkpoint=first["checkpoint"],
        seeds=seeds,
        rows=tuple(_ranked(label_differences(rows, records), seeds)),
        metrics=names,
        values=values,
        warnings=tuple(board_warnings(records)),
        latest=_time(records[-1]),
        score_translations=deciding_scenario(first)["score_translations"],
        budget_digest=_first_known(record["budget"]["digest"] for record in records),
        data=_first_known(record["data"] for record in records),
    )
    return reorder(bare, RANKED_BY)


def _metric_names(records: Sequence[Record], values: Values) -> tuple[str, ...]:
    """All values of a board in the order of columns: the ranking, headlines as their metrics came, the others."""
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
    return [
        _row(list(by_seed.values()), seeds, names, values, controls, columns)
        for (translator, segmenter, key), by_seed in cells.items()
        if newest[translator, segmenter] == key or any(record["status"] == DONE for record in by_seed.values())
    ]


def _row(
    records: Sequence[Record],
    wanted: tuple[int, ...],
    names: Sequence[str],
    values: Values,
    controls: Controls,
    columns: Columns,
) -> Row:
    first, done = records[0], [record for record in records if record["status"] == DONE]
    costs = [cost for record in done if (cost := record["cost"].get("seconds")) is not None]
    metrics = {name: _metric(done, name, values) for name in names if name not in DERIVED}
    trainings = {kind.name: found for kind in training_kinds() if (found := _stages(done, kind.name))}
    return Row(
        translator=first["translator"],
        segmenter=first["segmenter"],
        config_key=first["config_key"],
        wanted=wanted,
        seeds=tuple(sorted(record["seed"] for record in done)),
        metrics=metrics | _against_controls(first, done, controls),
        per_class=_per_class(done),
        extra=dict(columns(done)) if done else {},
        failures=failure_reasons(records, wanted),
        seconds=math.fsum(costs) / len(costs) if costs else None,
        highlights=_highlights(done),
        trainings={kind: _training_cost(stages) for kind, stages in trainings.items()},
        images_seen=done[-1]["images_seen"] if done else {},
    )


def _stages(done: Sequence[Record], kind: str) -> list[Record]:
    return [record["stages"][kind] for record in done if record.get("stages", {}).get(kind, {}).get("seconds")]


def _training_cost(stages: Sequence[Record]) -> Training:
    facts = [stage.get("facts", {}) for stage in stages]
    memory = [fact.get("peak_gpu_memory_bytes", fact.get("peak_memory_bytes")) for fact in facts]
    where = sorted({f"{stage.get('device', '?')} {stage.get('precision', '?')}" for stage in stages})
    return Training(
        minutes=math.fsum(stage["seconds"] for stage in stages) / len(stages) / 60,
        images_per_second=_mean(fact.get("images_per_second") for fact in facts),
        memory=_mean(None if held is None else held / 2**30 for held in memory),
        device=", ".join(where),
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
    reasons = {record["seed"]: why_missing(record, name, measures) for record in done if record["seed"] not in found}
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
        reasons = {
            seed: f"{why}{hint}" if seed not in ceiling or seed not in floor else why for seed, why in reasons.items()
        }
        no_gain += hint if no_gain else ""
    reasons |= {record["seed"]: f"no {RANKED_BY}" for record in done if record["seed"] not in own}
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
    first = min(done, key=lambda record: int(record["seed"]), default={})
    sections = first.get("details", {}).values()
    return tuple(str(line) for section in sections for line in section.get("highlights", ()))


def _ranked(rows: Sequence[Row], seeds: Sequence[int]) -> list[Row]:
    """Places of the complete rows; none where there is one seed, of which noise decides the order."""
    if len(seeds) < 2:
        return list(rows)
    places = ranks([row.metrics[RANKED_BY].mean if row.complete else None for row in rows])
    return [replace(row, rank=place) for row, place in zip(rows, places, strict=True)]
