"""A board: rows that may be compared, each a translator with a segmenter over all seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from benchmark.api.metric import Value
from benchmark.api.spec import CEILING, FLOOR
from benchmark.results.statistics import Estimate

Record = Mapping[str, Any]
ROLES = {FLOOR: "floor", CEILING: "ceiling"}
RANKED_BY = "miou"
"""The value that rows are ranked by and held against the controls in: the only metric that the core knows by name."""
DERIVED = {
    "gap_recovered": Value(
        "Share of the gap between source-only and oracle that is closed.",
        higher_is_better=True,
        low=None,
        high=None,
        heading="gap rec.",
        unit="%",
    ),
    "gain": Value(
        "Difference to source-only, paired by seed.",
        higher_is_better=True,
        low=None,
        high=None,
        headline=False,
        unit="%",
    ),
}
"""What follows from the ranking value of a row and of its controls."""
NOT_MEASURED, NOTHING_TRANSLATED = "not measured", "a control row translates nothing"
VALUE_FIELDS = tuple(one.name for one in fields(Value))


@dataclass(frozen=True)
class Training:
    """Cost of a training, as far as it was recorded.

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
        translator, segmenter: Aliases.
        config_key: Hash of all that the row's cells have in common; rows of one alias may differ in it.
        differs: What sets this row apart from others of the same aliases, as `option=value`, or empty.
        wanted: The seeds of the board, which a complete row has all of.
        seeds: The seeds that are done.
        metrics: Estimates by name: all metrics of the board.
        per_class: IoU by class name.
        extra: Columns of the hook `bench_leaderboard_columns`.
        failures: Why a wanted seed is not done, by seed.
        seconds: Mean cost of a cell, shared stages included; None when not recorded.
        rank: Place by the mean of `RANKED_BY`; None for incomplete rows, and where the board has one seed.
        trainings: What the trainings of a cell took, means over its seeds, by kind of stage.
        highlights: Lines of text by metrics about the first seed that is done.
        images_seen: How many images the training of the translator and of the segmenter saw; None if unknown.
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
    images_seen: Mapping[str, int | None] = field(default_factory=dict)

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
    """Rows that may be compared: same scenario, data, classes, size, budget and choice of checkpoint.

    Attributes:
        classes: Names of the classes that every number is over.
        size: Height and width in pixels.
        budget: Name of the budget.
        checkpoint: Which weights of a segmenter are evaluated.
        score_translations: Which source split translations are measured on: "train" or "test".
        seeds: All seeds that any row was asked for.
        metrics: Names of all values, in the order of their columns.
        values: What a value means (the fields of `Value`, and `measures`), by name.
        warnings: What must be known before comparing rows.
        latest: When its newest record was written.
        budget_digest: Of what the budget sets; None where no record knows it.
        data: Fingerprints by side and split; None where no record knows them.
        variant: What sets this board apart from others of the same protocol, or empty.
    """

    scenario: str
    classes: tuple[str, ...]
    size: tuple[int, ...]
    budget: str
    checkpoint: str
    seeds: tuple[int, ...]
    rows: tuple[Row, ...]
    metrics: tuple[str, ...]
    values: Mapping[str, Mapping[str, Any]]
    warnings: tuple[str, ...] = ()
    latest: str = ""
    score_translations: str = "train"
    budget_digest: str | None = None
    data: Mapping[str, str] | None = None
    variant: str = ""

    @property
    def flag(self) -> str:
        """A warning where target labels chose the checkpoint, else empty."""
        return "checkpoint chosen on target labels" if self.checkpoint == "oracle-val" else ""

    def value(self, metric: str) -> Value:
        """What a metric's number means; a plain one where higher is better if no record says so."""
        return self._values.get(metric) or Value("", higher_is_better=True, low=None, high=None)

    @cached_property
    def _values(self) -> dict[str, Value]:
        stored_values = {name: value_from(stored) for name, stored in self.values.items()}
        return {**stored_values, **DERIVED}  # derived ones are this version's, whatever a record says of them


def value_from(stored: Mapping[str, Any]) -> Value:
    """The meaning of a number as a record stores it; fields of later versions are left out."""
    known = {name: stored[name] for name in VALUE_FIELDS if name in stored}
    return Value(**{"summary": "", "higher_is_better": True, **known})


def newest_boards(every: Sequence[Board]) -> tuple[list[Board], list[Board]]:
    """The newest board of each scenario, and all others; `every` has the newest board of a scenario first."""
    newest: dict[str, Board] = {}
    for board in every:
        newest.setdefault(board.scenario, board)
    others = [board for board in every if board is not newest[board.scenario]]
    return list(newest.values()), others


def reorder(board: Board, metric: str) -> Board:
    """The board with its rows sorted by a metric, best first: complete rows before others, equal ones by name."""
    sign = -1 if board.value(metric).higher_is_better else 1

    def sort_key(row: Row) -> tuple[bool, float, str, str, str]:
        estimate = row.metrics.get(metric)
        mean = None if estimate is None else estimate.mean
        badness = math.inf if mean is None else sign * mean  # rows without a value stand last
        return not row.complete, badness, row.translator, row.segmenter, row.config_key

    return replace(board, rows=tuple(sorted(board.rows, key=sort_key)))
