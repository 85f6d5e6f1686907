"""Pairwise comparisons of the rows of a board, and the places that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from benchmark.results.board import Row
from benchmark.results.differences import Difference, paired_difference
from benchmark.results.multiple import holm, place_ranges
from benchmark.results.record_fields import RANKED_BY


@dataclass(frozen=True)
class Comparison:
    """Difference of two rows of a board in the ranking value.

    Attributes:
        difference: The first minus the second.
        p_adjusted: Corrected for all pairs of complete rows (Holm); None where it cannot be tested.
    """

    difference: Difference
    p_adjusted: float | None


def comparable_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows that have places: complete, with a value, of two translator seeds or more.

    A mean over fewer seeds is not that of the same trainings, so an incomplete row has no place. At one translator
    seed, noise decides the order.
    """
    return [row for row in rows if row.complete and row.metrics[RANKED_BY].n > 1]


def pairwise_comparisons(rows: Sequence[Row]) -> dict[tuple[int, int], Comparison]:
    """All pairs of some rows, by their numbers, with p-values corrected together."""
    samples = [row.sample for row in rows]
    pairs = combinations(range(len(rows)), 2)
    differences = {(one, other): paired_difference(samples[one], samples[other]) for one, other in pairs}
    adjusted = holm({pair: difference.estimate.p for pair, difference in differences.items()})
    return {pair: Comparison(difference, adjusted.get(pair)) for pair, difference in differences.items()}


def with_places(rows: Sequence[Row]) -> list[Row]:
    """The rows, those that can be compared with places."""
    ranked = comparable_rows(rows)
    differences = {}
    for pair, comparison in pairwise_comparisons(ranked).items():
        if comparison.p_adjusted is not None:
            differences[pair] = (comparison.difference.estimate.mean or 0.0, comparison.p_adjusted)
    places = dict(zip(map(id, ranked), place_ranges(len(ranked), differences), strict=True))
    return [replace(row, places=places.get(id(row))) for row in rows]
