"""Gathers what is wrong with many files into one error, so that a data set is mended once and not file by file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from benchmark import DataError

NAMED = 10
"""So many of the files that are at fault beside the first are named, and all are counted."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def without_faults(check: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """What `check` returns for each item; one `DataError` for all it has something against."""
    results: list[Result] = []
    faults: dict[Item, str] = {}
    for item in items:
        try:
            results.append(check(item))
        except DataError as error:
            faults[item] = str(error)
    if faults:
        raise gathered(list(faults.values()), list(faults))
    return results


def gathered(faults: Sequence[str], items: Sequence[object]) -> DataError:
    """One error for several: the first in full, the others by the names of their items.

    Args:
        faults: At least one.
        items: What each is about, in the same order.
    """
    others = items[1:]
    if not others:
        return DataError(faults[0])
    named = ", ".join(f"'{item}'" for item in others[:NAMED])
    rest = ", ..." if len(others) > NAMED else ""
    return DataError(f"{faults[0]}; {len(others)} more at fault: {named}{rest}")
