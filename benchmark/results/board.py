"""A board: rows that may be compared, each a translator with a segmenter over all seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from benchmark.api.metric import Value
from benchmark.results.multiple import Places, is_significant
from benchmark.results.seed_pairs import Sample, SeedPair
from benchmark.results.statistics import Estimate

if TYPE_CHECKING:
    from benchmark.results.image_counts import GroupCounts

Record = Mapping[str, Any]
MIOU_LEARNABLE, GAP_RECOVERED, OVER_CONTROL, GAIN = "miou_learnable", "gap_recovered", "over_control", "gain"
DERIVED = {
    MIOU_LEARNABLE: Value(
        "mIoU over the classes that the oracle learns.", higher_is_better=True, heading="mIoU learnable", unit="%"
    ),
    GAP_RECOVERED: Value(
        "Share of the gap between source-only and oracle that is closed.",
        higher_is_better=True,
        low=None,
        high=None,
        heading="gap rec.",
        unit="%",
    ),
    OVER_CONTROL: Value(
        "Difference to the strongest control row of the family, paired by seeds.",
        higher_is_better=True,
        low=None,
        high=None,
        heading="over control",
        unit="%",
    ),
    GAIN: Value(
        "Difference to source-only, paired by seeds.",
        higher_is_better=True,
        low=None,
        high=None,
        headline=False,
        unit="%",
    ),
}
"""What follows from the ranking value of a row and of its controls."""
NOT_MEASURED, NOTHING_TRANSLATED = "not measured", "a control row translates nothing"
NO_OTHER_CONTROL = "no other control row"
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
class StrongestControl:
    """The control row of a family that a row must beat: the best of all but the row itself.

    Attributes:
        translator, segmenter: Its aliases.
        p_adjusted: Of the difference, corrected for all rows of the board that are no controls (Holm); None where
            that cannot be tested.
        difference: The row's mean minus the control's, over the seeds that both have.
    """

    translator: str
    segmenter: str
    p_adjusted: float | None
    difference: float | None

    @property
    def beaten(self) -> bool:
        """The row is significantly better."""
        return is_significant(self.p_adjusted) and (self.difference or 0) > 0


@dataclass(frozen=True)
class Row:
    """One translator with one segmenter, over all seeds.

    Attributes:
        translator, segmenter: Aliases.
        config_key: Hash of all that the row's cells have in common; rows of one alias may differ in it.
        differs: What sets this row apart from others of the same aliases, as `option=value`, or empty.
        role: `floor`, `ceiling` or `control`; None for a row that is no control.
        wanted: The cells that a complete row has, by their seeds.
        done: Those that are done.
        metrics: Estimates by name: all metrics of the board.
        per_class: IoU by class name.
        extra: Columns of the hook `bench_leaderboard_columns`.
        failures: Why a wanted cell is not done, by its seeds.
        seconds: Mean cost of a cell, shared stages included; None when not recorded.
        places: Best and worst place by `RANKED_BY`, as rows that cannot be told apart share theirs; None for
            incomplete rows, and where the board has one translator seed.
        control: What the row is held against beside source-only; None where its family has no other control.
        trainings: What the trainings of a cell took, means over its seeds, by kind of stage.
        highlights: Lines of text by metrics about the first seed that is done.
        images_seen: How many images the training of the translator and of the segmenter saw; None if unknown.
        scores: The ranking value by seeds.
        class_scores: IoU by class name, and by the seeds of the cells that have the class.
        counts: Pixel counts of single test images by seeds, where records have them.
    """

    translator: str
    segmenter: str
    config_key: str
    role: str | None
    wanted: tuple[SeedPair, ...]
    done: tuple[SeedPair, ...]
    metrics: Mapping[str, Estimate]
    per_class: Mapping[str, Estimate] = field(default_factory=dict)
    extra: Mapping[str, float | None] = field(default_factory=dict)
    failures: Mapping[SeedPair, str] = field(default_factory=dict)
    seconds: float | None = None
    differs: str = ""
    places: Places | None = None
    control: StrongestControl | None = None
    trainings: Mapping[str, Training] = field(default_factory=dict)
    highlights: tuple[str, ...] = ()
    images_seen: Mapping[str, int | None] = field(default_factory=dict)
    scores: Mapping[SeedPair, float] = field(default_factory=dict)
    class_scores: Mapping[str, Mapping[SeedPair, float]] = field(default_factory=dict)
    counts: Mapping[SeedPair, GroupCounts] = field(default_factory=dict, compare=False, repr=False)

    @property
    def name_on_board(self) -> str:
        """The translator, with a part of the key where its alias has several configurations."""
        return f"{self.translator} [{self.config_key[:6]}]" if self.differs else self.translator

    @property
    def complete(self) -> bool:
        """All cells of the board are done."""
        return self.done == self.wanted

    @property
    def seeds(self) -> tuple[int, ...]:
        """The translator seeds that any cell is done of."""
        return tuple(sorted({pair.seed for pair in self.done}))

    @property
    def sample(self) -> Sample:
        """The ranking value, for comparisons with other rows."""
        return Sample(self.scores, {pair: counts.miou_without_group for pair, counts in self.counts.items()})

    def class_sample(self, name: str, number: int) -> Sample:
        """IoU of a class, whose number among the classes of the board is given."""
        without_group = {pair: counts.iou_without_group(number) for pair, counts in self.counts.items()}
        return Sample(self.class_scores.get(name, {}), without_group)


@dataclass(frozen=True)
class Board:
    """Rows that may be compared: same scenario, data, classes, size, budget, checkpoint choice, segmenter family.

    Attributes:
        family: Of its segmenters; the alias where there is one.
        classes: Names of the classes that every number is over.
        size: Height and width in pixels.
        budget: Name of the budget.
        checkpoint: Which weights of a segmenter are evaluated.
        score_translations: Which source split translations are measured on: "train" or "test".
        wanted: The seeds of all cells that any row was asked for.
        metrics: Names of all values, in the order of their columns.
        values: What a value means (the fields of `Value`, and `measures`), by name.
        warnings: What must be known before comparing rows.
        latest: When its newest record was written.
        budget_digest: Of what the budget sets; None where no record knows it.
        data: Fingerprints by side and split; None where no record knows them.
        variant: What sets this board apart from others of the same protocol, or empty.
        unlearnable: Classes that `miou_learnable` leaves out, as the oracle does not learn them.
    """

    scenario: str
    classes: tuple[str, ...]
    size: tuple[int, ...]
    budget: str
    checkpoint: str
    family: str
    wanted: tuple[SeedPair, ...]
    rows: tuple[Row, ...]
    metrics: tuple[str, ...]
    values: Mapping[str, Mapping[str, Any]]
    warnings: tuple[str, ...] = ()
    latest: str = ""
    score_translations: str = "train"
    budget_digest: str | None = None
    data: Mapping[str, str] | None = None
    variant: str = ""
    unlearnable: tuple[str, ...] = ()

    @property
    def seeds(self) -> tuple[int, ...]:
        """Translator seeds."""
        return tuple(sorted({pair.seed for pair in self.wanted}))

    @property
    def segmenter_seeds(self) -> tuple[int, ...]:
        """Numbers of the segmenters that are trained for a translator seed."""
        return tuple(sorted({pair.segmenter_seed for pair in self.wanted}))

    @property
    def protocol(self) -> tuple[Any, ...]:
        """What boards of several segmenter families have in common where they come from one matrix."""
        conditions = (self.classes, self.size, self.budget, self.checkpoint, self.score_translations, self.variant)
        return self.scenario, *conditions

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
    """Boards of the newest protocol of each scenario, and all others; `every` has the newest of a scenario first."""
    newest: dict[str, tuple[Any, ...]] = {}
    for board in every:
        newest.setdefault(board.scenario, board.protocol)
    current = [board for board in every if board.protocol == newest[board.scenario]]
    others = [board for board in every if board.protocol != newest[board.scenario]]
    return current, others


def reorder(board: Board, metric: str) -> Board:
    """The board with its rows sorted by a metric, best first: complete rows before others, equal ones by name."""
    sign = -1 if board.value(metric).higher_is_better else 1

    def sort_key(row: Row) -> tuple[bool, float, str, str, str]:
        estimate = row.metrics.get(metric)
        mean = None if estimate is None else estimate.mean
        badness = math.inf if mean is None else sign * mean  # rows without a value stand last
        return not row.complete, badness, row.translator, row.segmenter, row.config_key

    return replace(board, rows=tuple(sorted(board.rows, key=sort_key)))
