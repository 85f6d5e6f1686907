"""Tables as plain text cells with their notes, so that a terminal and a markdown page say the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from benchmark.results.statistics import Estimate

EMPTY = "-"


@dataclass(frozen=True)
class TextTable:
    """A table of text.

    Attributes:
        title: One line above it, or empty.
        headings: One per column.
        rows: Cells, as many in each row as there are headings.
        fixed: So many leading columns identify a row; they stand again where a table is cut to fit.
        dim: Rows to be set back.
        notes: Lines below it.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    fixed: int = 1
    dim: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()


def rounded(value: float | None, decimals: int) -> str:
    """A number with so many decimals, or `EMPTY`."""
    return EMPTY if value is None else f"{value:.{decimals}f}"


def number(estimate: Estimate, factor: float, decimals: int) -> str:
    """Mean and, where there is one, half the interval."""
    if estimate.mean is None:
        return EMPTY
    mean = f"{estimate.mean * factor:.{decimals}f}"
    return f"{mean} ± {estimate.margin * factor:.{decimals}f}" if estimate.margin else mean


def duration(seconds: float) -> str:
    """Hours, minutes and seconds.

    >>> duration(42), duration(7300)
    ('0:00:42', '2:01:40')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def comma_list(names: Iterable[str]) -> str:
    """Names joined by commas, each once."""
    return ", ".join(dict.fromkeys(names))
