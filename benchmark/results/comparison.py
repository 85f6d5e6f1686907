"""Two rows of a board compared: overall, and class by class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmark.results.board import Board, Row
from benchmark.results.differences import Difference, paired_difference
from benchmark.results.multiple import holm, is_significant
from benchmark.results.places import comparable_rows, pairwise_comparisons
from benchmark.results.seed_pairs import lacking_seeds


@dataclass(frozen=True)
class ClassComparison:
    """Difference of two rows in the IoU of a class.

    Attributes:
        difference: The first row minus the second.
        p_adjusted: Corrected for all classes (Holm); None where it cannot be tested.
    """

    difference: Difference
    p_adjusted: float | None


@dataclass(frozen=True)
class RowComparison:
    """Difference of two rows in the ranking value.

    Attributes:
        board: That both are from.
        ours, theirs: The rows.
        difference: Ours minus theirs.
        p_adjusted: Corrected for all pairs of complete rows of the board (Holm); None where it cannot be tested, or
            where one of the rows is incomplete.
        pairs: How many pairs that are.
        per_class: Of each class that both rows have an IoU of.
        lacking: Which seeds are left out because one of the rows lacks them, or empty.
        images: Number of test images whose pixels were counted one by one; 0 where they were not.
    """

    board: Board
    ours: Row
    theirs: Row
    difference: Difference
    p_adjusted: float | None
    pairs: int
    per_class: Mapping[str, ClassComparison]
    lacking: str
    images: int

    @property
    def told_apart(self) -> bool:
        """The difference is significant after the correction."""
        return is_significant(self.p_adjusted)


def compare_rows(board: Board, ours: Row, theirs: Row) -> RowComparison:
    """Compare two rows of a board."""
    difference = paired_difference(ours.sample, theirs.sample)
    ranked = comparable_rows(board.rows)
    tested = {pair: one.p_adjusted for pair, one in pairwise_comparisons(ranked).items() if one.p_adjusted is not None}
    p_adjusted = None
    if ours in ranked and theirs in ranked:
        first, second = sorted((ranked.index(ours), ranked.index(theirs)))
        p_adjusted = tested.get((first, second))
    images = {counts.images for counts in ours.counts.values()} if difference.groups else {0}
    return RowComparison(
        board=board,
        ours=ours,
        theirs=theirs,
        difference=difference,
        p_adjusted=p_adjusted,
        pairs=len(tested),
        per_class=_class_comparisons(board, ours, theirs),
        lacking=lacking_seeds({ours.translator: ours.scores, theirs.translator: theirs.scores}),
        images=max(images),
    )


def _class_comparisons(board: Board, ours: Row, theirs: Row) -> dict[str, ClassComparison]:
    differences: dict[str, Difference] = {}
    for number, name in enumerate(board.classes):
        difference = paired_difference(ours.class_sample(name, number), theirs.class_sample(name, number))
        if difference.estimate.mean is not None:
            differences[name] = difference
    adjusted = holm({name: difference.estimate.p for name, difference in differences.items()})
    return {name: ClassComparison(difference, adjusted.get(name)) for name, difference in differences.items()}
