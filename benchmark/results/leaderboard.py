"""Turns the records of cells into boards of rows: only what was measured alike stands in one board."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from benchmark.api.spec import CEILING, FLOOR
from benchmark.plan.model import FITS, READER
from benchmark.results.records import DONE
from benchmark.results.statistics import Estimate, estimate, gap_recovered, paired_differences, ranks

Record = Mapping[str, Any]
Columns = Callable[[Sequence[Record]], Mapping[str, float | None]]
Controls = dict[tuple[str, str], dict[int, float]]
"""mIoU by seed of the control rows, by label and by what was trained besides."""

ROLES = {FLOOR: "floor", CEILING: "ceiling"}
RANKED_BY = "miou"
SEGMENTATION = ("miou", "pixel_accuracy", "mean_pixel_accuracy", "fwiou", "gap_recovered")
TRANSLATION = ("ssim", "fid", "kid")
METRICS = SEGMENTATION + TRANSLATION
"""The columns that every row has, measured or not."""
NOT_MEASURED, NOTHING_TRANSLATED = "not measured", "a control row translates nothing"


@dataclass(frozen=True)
class Training:
    """What a training took, as far as it was recorded.

    Attributes:
        minutes: From its start to its end, of the last attempt.
        images_per_second: Images of its budget, per second.
        memory: Most memory it held, in GiB: of the GPU where it ran on one, else of its process.
        device: Where it ran, with its precision.
    """

    minutes: float
    images_per_second: float | None
    memory: float | None
    device: str


@dataclass(frozen=True)
class Row:
    """One translator with one segmenter, over all seeds.

    Attributes:
        translator, segmenter: Labels.
        config_key: Hash of all that the row's cells have in common; rows of one label may differ in it.
        differs: What sets this row apart from others of the same labels, as `option=value`, or empty.
        wanted: The seeds of the board, which a complete row has all of.
        seeds: The seeds that are done.
        metrics: Estimates by name: all of `METRICS`, `gain`, and what plugins add.
        per_class: IoU by class name.
        extra: Columns of the hook `bench_leaderboard_columns`.
        failures: Why a wanted seed is not done, by seed.
        seconds: Mean cost of a cell, shared stages included; None when not recorded.
        rank: Place by mean mIoU; None for incomplete rows.
        trainings: What the trainings of a cell took, means over its seeds, by kind of stage.
        highlights: What metrics have to tell of the first seed that is done.
    """

    translator: str
    segmenter: str
    config_key: str
    wanted: tuple[int, ...]
    seeds: tuple[int, ...]
    metrics: Mapping[str, Estimate]
    per_class: Mapping[str, Estimate] = field(default_factory=dict)
    extra: Mapping[str, float | None] = field(default_factory=dict)
    failures: Mapping[int, str] = field(default_factory=dict)
    seconds: float | None = None
    differs: str = ""
    rank: int | None = None
    trainings: Mapping[str, Training] = field(default_factory=dict)
    highlights: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """All seeds of the board are done."""
        return self.seeds == self.wanted

    @property
    def role(self) -> str | None:
        """`floor` or `ceiling` for the control rows."""
        return ROLES.get(self.translator)


@dataclass(frozen=True)
class Board:
    """Rows that may be compared: same scenario, classes, size, budget and choice of checkpoint.

    Attributes:
        classes: Names of the classes that every number is over.
        size: Height and width in pixels.
        checkpoint: Which weights of a segmenter are evaluated.
        score_translations: Which source split translations are measured on: "train" or "test".
        seeds: All seeds that any row was asked for.
        values: What a metric says of itself (`summary`, `higher_is_better`, `low`, `high`), by name.
        warnings: What a reader must know before comparing rows.
        latest: When its newest record was written.
    """

    scenario: str
    classes: tuple[str, ...]
    size: tuple[int, ...]
    budget: str
    checkpoint: str
    seeds: tuple[int, ...]
    rows: tuple[Row, ...]
    values: Mapping[str, Mapping[str, Any]]
    warnings: tuple[str, ...] = ()
    latest: str = ""
    score_translations: str = "train"

    @property
    def flag(self) -> str:
        """A word of caution where target labels chose the checkpoint, else nothing."""
        return "checkpoint chosen on target labels" if self.checkpoint == "oracle-val" else ""

    def higher_is_better(self, metric: str) -> bool:
        """The direction of a metric; up unless its plugin said otherwise."""
        return bool(self.values.get(metric, {}).get("higher_is_better", metric not in ("fid", "kid")))


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


def newest(every: Sequence[Board]) -> tuple[list[Board], list[Board]]:
    """The board of each scenario that was worked on last, and the others."""
    first = {board.scenario: board for board in reversed(every)}
    return [b for b in every if b is first[b.scenario]], [b for b in every if b is not first[b.scenario]]


def reorder(board: Board, metric: str) -> Board:
    """The same rows, complete ones first, ordered by another metric, best first; equal ones by name."""

    def place(row: Row) -> tuple[bool, float, str, str, str]:
        mean = row.metrics[metric].mean if metric in row.metrics else None
        worth = math.inf if mean is None else mean * (-1 if board.higher_is_better(metric) else 1)
        return not row.complete, worth, row.translator, row.segmenter, row.config_key

    return replace(board, rows=tuple(sorted(board.rows, key=place)))


def metric_names(board: Board) -> list[str]:
    """Names of the metrics of a board, the usual ones first."""
    seen = {name for row in board.rows for name in row.metrics}
    return [*METRICS, *sorted(seen - {*METRICS, "gain"})]


def _time(record: Record) -> str:
    return str(record.get("provenance", {}).get("time", ""))


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _protocol(record: Record) -> str:
    shared = [record[key] for key in ("scenario", "classes", "size", "budget", "checkpoint")]
    return _canonical([*shared, _scenario(record)])


def _scenario(record: Record) -> dict[str, Any]:
    """Its scenario as far as it decides results; older records do not say which split is scored."""
    stored = {"score_translations": "train", **record["config"]["scenario"]}
    return {key: value for key, value in stored.items() if key != "summary"}


def _training(record: Record) -> str:
    """What a row shares with the control rows it is held against: segmenter, device and precision, data."""
    own = ("translator", "metrics", "reader")
    shared = {key: value for key, value in record["config"].items() if key not in own}
    return _canonical(shared | {"scenario": _scenario(record)})


def _board(records: Sequence[Record], columns: Columns) -> Board:
    first = records[0]
    seeds = tuple(sorted({record["seed"] for record in records}))
    rows = _ranked(_told_apart(_rows(records, seeds, columns), records))
    bare = Board(
        scenario=first["scenario"],
        classes=tuple(first["classes"]),
        size=tuple(first["size"]),
        budget=first["budget"],
        checkpoint=first["checkpoint"],
        seeds=seeds,
        rows=tuple(rows),
        values={name: value for record in records for name, value in record.get("values", {}).items()},
        warnings=tuple(_warnings(records)),
        latest=_time(records[-1]),
        score_translations=_scenario(first)["score_translations"],
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
        failures=_failures(records, wanted),
        seconds=math.fsum(costs) / len(costs) if costs else None,
        highlights=_highlights(done),
        trainings={kind: _training_cost(found) for kind in FITS if (found := _stages(done, kind))},
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
        values.values(), _reasons({r["seed"]: _why_missing(r, name) for r in done if r["seed"] not in values})
    )


def _why_missing(record: Record, name: str) -> str:
    if name in record["metrics"]:
        return f"{record['metrics'][name]} is not a finite number"
    if reason := record.get("missing", {}).get(name):
        return str(reason)
    if record["translator"] in ROLES and name in TRANSLATION:
        return NOTHING_TRANSLATED
    return NOT_MEASURED


def _reasons(by_seed: Mapping[int, str]) -> str:
    """Reasons of several seeds in one line, equal ones said once."""
    seeds: dict[str, list[int]] = defaultdict(list)
    for seed, reason in sorted(by_seed.items()):
        seeds[reason].append(seed)
    if len(seeds) == 1:
        return next(iter(seeds))
    return "; ".join(f"seed {', '.join(map(str, which))}: {reason}" for reason, which in seeds.items())


def _against_controls(
    done: Sequence[Record], floor: Mapping[int, float], ceiling: Mapping[int, float]
) -> dict[str, Estimate]:
    miou = _values(done, RANKED_BY)
    shares, reasons = gap_recovered(miou, floor, ceiling)
    reasons |= {record["seed"]: "no mIoU" for record in done if record["seed"] not in miou}
    gains = paired_differences(miou, floor)
    return {
        "gap_recovered": estimate(shares.values(), _reasons(reasons)),
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


def _failures(records: Sequence[Record], wanted: Sequence[int]) -> dict[int, str]:
    known = {
        record["seed"]: f"{record['status']}: {record.get('reason') or 'no reason recorded'}"
        for record in records
        if record["status"] != DONE
    }
    seen = {record["seed"] for record in records}
    return dict(sorted((known | {seed: "not run" for seed in wanted if seed not in seen}).items()))


def _ranked(rows: Sequence[Row]) -> list[Row]:
    places = ranks([row.metrics[RANKED_BY].mean if row.complete else None for row in rows])
    return [replace(row, rank=place) for row, place in zip(rows, places, strict=True)]


def _told_apart(rows: Sequence[Row], records: Sequence[Record]) -> list[Row]:
    """Says, for rows of equal labels, in which options they differ."""
    configs = {record["config_key"]: _telling(record) for record in records}
    alike: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        alike[row.translator, row.segmenter].append(row.config_key)
    differences: dict[str, str] = {}
    for keys in alike.values():
        if len(keys) > 1:
            differences |= _differences({key: _flat(configs[key] | {"metrics": ""}) for key in keys})
    return [replace(row, differs=differences.get(row.config_key, "")) for row in rows]


def _telling(record: Record) -> dict[str, Any]:
    """The configuration as far as it decides on a cell: the reader does where it taught the translator."""
    kept = {name: value for name, value in record["config"].items() if name != "reader" or READER in record["stages"]}
    return kept | {"scenario": _scenario(record)}


def _differences(options: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """For each configuration, the options that others have otherwise; its key where none is known to differ."""
    names = dict.fromkeys(name for ours in options.values() for name in ours)
    apart = [name for name in names if len({ours.get(name) for ours in options.values()}) > 1]
    return {
        key: ", ".join(f"{name}={ours[name]}" for name in apart if name in ours) or f"configuration {key[:8]}"
        for key, ours in options.items()
    }


def _flat(value: Any, prefix: str = "") -> dict[str, str]:
    """Nested tables as dotted names; `options` is left out of them, as users do not type it."""
    if not isinstance(value, Mapping):
        return {prefix: value if isinstance(value, str) else json.dumps(value)}
    parts = ((prefix if key == "options" else f"{prefix}.{key}".strip("."), child) for key, child in value.items())
    return {name: text for path, child in parts for name, text in _flat(child, path).items()}


def _warnings(records: Sequence[Record]) -> list[str]:
    """What metrics say about their numbers, and which were not measured alike.

    FID, for one, depends on how many images it is taken over, on the reference set and on the extractor.
    """
    lines: dict[str, None] = {}
    conditions: dict[str, dict[str, None]] = defaultdict(dict)
    for record in records:
        for section, details in record.get("details", {}).items():
            if "note" in details:
                lines[f"{section}: {details['note']}"] = None
            if "conditions" in details:
                conditions[section][_conditions(details["conditions"])] = None
    apart = [
        f"{section} was not measured alike in all rows and must not be compared: {' | '.join(kinds)}"
        for section, kinds in conditions.items()
        if len(kinds) > 1
    ]
    return [*lines, *apart, *_trained_unlike(records)]


def _trained_unlike(records: Sequence[Record]) -> list[str]:
    """What "auto" came to may differ from machine to machine, and with it the numbers."""
    fits = [stage for record in records for kind, stage in record["stages"].items() if kind.startswith("fit-")]
    ways = sorted({f"{fit['precision']} on {fit['device']}" for fit in fits if fit.get("device")})
    return [f"trainings were not computed alike: {', '.join(ways)}"] if len(ways) > 1 else []


def _conditions(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(values.items()))
