"""Many comparisons at once: Holm's correction, and places as ranges of what cannot be told apart."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

from benchmark.results.statistics import CONFIDENCE

LEVEL = 1 - CONFIDENCE
Places = tuple[int, int]
Key = TypeVar("Key", bound=Hashable)


def holm(p_values: Mapping[Key, float | None]) -> dict[Key, float]:
    """P-values adjusted so that the chance of any false rejection stays below the level they are held against.

    Args:
        p_values: By comparison; None where there was no test.

    Returns:
        The adjusted ones of all that were tested.

    Source: Holm 1979, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6.
    """
    tested = {key: p for key, p in p_values.items() if p is not None}
    adjusted: dict[Key, float] = {}
    largest = 0.0
    for rejected, key in enumerate(sorted(tested, key=lambda key: tested[key])):
        # never below the one before it, as a hypothesis can only be rejected after all with a smaller p
        largest = max(largest, min(1.0, (len(tested) - rejected) * tested[key]))
        adjusted[key] = largest
    return adjusted


def is_significant(p: float | None) -> bool:
    """Whether a (corrected) p-value rejects at `LEVEL`; where there was no test, none does."""
    return p is not None and p <= LEVEL


def place_ranges(rows: int, differences: Mapping[tuple[int, int], tuple[float, float]]) -> list[Places]:
    """Best and worst place of each row: after all that are better for sure, before all that are worse for sure.

    Args:
        rows: How many there are.
        differences: For each pair (a, b) of their numbers, the difference of a to b, positive where a is better, and
            its adjusted p-value.
    """
    better, worse = [0] * rows, [0] * rows
    for (one, other), (difference, adjusted_p) in differences.items():
        if is_significant(adjusted_p):
            winner, loser = (one, other) if difference > 0 else (other, one)
            better[loser] += 1
            worse[winner] += 1
    return [(1 + better[row], rows - worse[row]) for row in range(rows)]
