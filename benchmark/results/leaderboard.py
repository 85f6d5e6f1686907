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
from benchmark.results.board import METRICS, RANKED_BY, ROLES, Board, Record, Row, Training, reorder
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
Controls = dict[tuple[str, str], dict[int, float]]
"""mIoU by seed of the control rows, by label and by what was trained besides."""


def boards(records: Iterable[Record], columns: Columns | None = None) -> list[Board]:
    """All boards, by scenario, the one with the newest record first.

    Args:
        records: Cells in the form of schema 1; the newest of those with equal configuration and seed counts.
        columns: Extra numbers for a row, from its records.
    """
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in sorted(records, key=_time):
        groups[_protocol(record)].append(record)
    made = [_board(group, columns or (lambda _: {})) for group in groups.values()]
    made.sort(key=lambda board: board.latest, reverse=True)
    return sorted(made, key=lambda board: board.scenario)


def _time(record: Record) -> str:
    return str(record.get("provenance", {}).get("time", ""))


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _protocol(record: Record) -> str:
    shared = [record[key] for key in ("scenario", "classes", "size", "budget", "checkpoint")]
    return _canonical([*shared, deciding_scenario(record)])


def _training(record: Record) -> str:
    """What a row shares with the control rows it is held against: segmenter, device and precision, data."""
    own = ("translator", "metrics", "auxiliary_segmenter")
    shared = {key: value for key, value in record["config"].items() if key not in own}
    return _canonical(shared | {"scenario": deciding_scenario(record)})


def _board(records: Sequence[Record], columns: Columns) -> Board:
    first = records[0]
    seeds = tuple(sorted({record["seed"] for record in records}))
    rows = _ranked(label_differences(_rows(records, seeds, columns), records))
    bare = Board(
        scenario=first["scenario"],
        classes=tuple(first["classes"]),
        size=tuple(first["size"]),
        budget=first["budget"],
        checkpoint=first["checkpoint"],
        seeds=seeds,
        rows=tuple(rows),
        values={name: value for record in records for name, value in record.get("values", {}).items()},
        warnings=tuple(board_warnings(records)),
        latest=_time(records[-1]),
        score_translations=deciding_scenario(first)["score_translations"],
    )
    return reorder(bare, RANKED_BY)


def _rows(records: Sequence[Record], seeds: tuple[int, ...], columns: Columns) -> list[Row]:
    """A row per configuration; one that never got done gives way to a later one of its names: a mended mistake."""
    cells: dict[tuple[str, str, str], dict[int, Record]] = defaultdict(dict)
    controls: Controls = defaultdict(dict)
    for record in records:
        cells[record["translator"], record["segmenter"], record["config_key"]][record["seed"]] = record
        if record["translator"] in ROLES:
            controls[record["translator"], _training(record)] |= _values([record], RANKED_BY)
    newest = {(record["translator"], record["segmenter"]): record["config_key"] for record in records}
    return [
        _row(list(by_seed.values()), seeds, controls, columns)
        for (translator, segmenter, key), by_seed in cells.items()
        if newest[translator, segmenter] == key or any(record["status"] == DONE for record in by_seed.values())
    ]


def _row(
    records: Sequence[Record],
    wanted: tuple[int, ...],
    controls: Controls,
    columns: Columns,
) -> Row:
    first, done = records[0], [record for record in records if record["status"] == DONE]
    floor, ceiling = (controls.get((name, _training(first)), {}) for name in (FLOOR, CEILING))
    names = {*METRICS} | {name for record in done for name in (*record["metrics"], *record.get("missing", {}))}
    costs = [cost for record in done if (cost := record.get("cost", {}).get("seconds")) is not None]
    return Row(
        translator=first["translator"],
        segmenter=first["segmenter"],
        config_key=first["config_key"],
        wanted=wanted,
        seeds=tuple(sorted(record["seed"] for record in done)),
        metrics={name: _metric(done, name) for name in names} | _against_controls(done, floor, ceiling),
        per_class=_per_class(done),
        extra=dict(columns(done)) if done else {},
        failures=failure_reasons(records, wanted),
        seconds=math.fsum(costs) / len(costs) if costs else None,
        highlights=_highlights(done),
        trainings={
            kind.name: _training_cost(found) for kind in training_kinds() if (found := _stages(done, kind.name))
        },
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


def _values(records: Iterable[Record], name: str) -> dict[int, float]:
    """Finite values of done cells, by seed."""
    found = {r["seed"]: r["metrics"].get(name) for r in records if r["status"] == DONE}
    return {seed: value for seed, value in found.items() if value is not None and math.isfinite(value)}


def _metric(done: Sequence[Record], name: str) -> Estimate:
    values = _values(done, name)
    return estimate(
        values.values(), joined_reasons({r["seed"]: why_missing(r, name) for r in done if r["seed"] not in values})
    )


def _against_controls(
    done: Sequence[Record], floor: Mapping[int, float], ceiling: Mapping[int, float]
) -> dict[str, Estimate]:
    miou = _values(done, RANKED_BY)
    shares, reasons = gap_recovered(miou, floor, ceiling)
    reasons |= {record["seed"]: "no mIoU" for record in done if record["seed"] not in miou}
    gains = paired_differences(miou, floor)
    return {
        "gap_recovered": estimate(shares.values(), joined_reasons(reasons)),
        "gain": estimate(gains.values(), "" if gains else "no source-only result for these seeds"),
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


def _ranked(rows: Sequence[Row]) -> list[Row]:
    places = ranks([row.metrics[RANKED_BY].mean if row.complete else None for row in rows])
    return [replace(row, rank=place) for row, place in zip(rows, places, strict=True)]
