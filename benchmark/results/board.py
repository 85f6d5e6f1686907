"""A board: rows that may be compared, each a translator with a segmenter over all seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from benchmark.api.spec import CEILING, FLOOR
from benchmark.results.statistics import Estimate

Record = Mapping[str, Any]
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
        warnings: What must be known before comparing rows.
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
