"""Tables as plain text cells with their notes, so that a terminal and a markdown page print the same."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.api.metric import Value
from benchmark.results.board import value_from
from benchmark.results.record_fields import RANKED_BY
from benchmark.results.statistics import NO_SPREAD, Estimate
from benchmark.results.text import printable

EMPTY = "-"
SYMMETRIC_SHARE = 1e-6
"""An interval is printed with ± where its middle is this close to the value, as a share of half its width."""


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

    def __post_init__(self) -> None:
        # names and reasons come from plugins, files and logs: no escape sequence of theirs reaches a terminal or page
        object.__setattr__(self, "title", printable(self.title))
        object.__setattr__(self, "headings", tuple(map(printable, self.headings)))
        object.__setattr__(self, "rows", tuple(tuple(map(printable, row)) for row in self.rows))
        object.__setattr__(self, "notes", tuple(map(printable, self.notes)))


def decimal_text(value: float | None, decimals: int) -> str:
    """A number with so many decimals, or `EMPTY`."""
    return EMPTY if value is None else f"{value:.{decimals}f}"


def number(estimate: Estimate, factor: float, decimals: int, seeds: int | None = None) -> str:
    """A value with its interval, and the number of its seeds where it is not `seeds`.

    The interval is ± half its width, or both ends where the value is not in its middle. Without interval, it says so
    where all seeds are equal, and where one translator seed has several segmenters, their standard deviation stands.

    >>> number(Estimate(0.5, (0.4, 0.6), 2), 100, 1, seeds=3), number(Estimate(0.5, (0.3, 0.6), 3), 100, 1)
    ('50.0 ± 10.0 (n=2 of 3)', '50.0 [30.0, 60.0]')
    >>> number(Estimate(0.5, None, 2, no_interval=NO_SPREAD), 1, 3), number(Estimate(0.5, None, 1), 1, 3)
    ('0.500 (no spread)', '0.500')
    """
    if estimate.mean is None:
        return EMPTY
    text = decimal_text(estimate.mean * factor, decimals)
    if estimate.ci95 is not None and estimate.margin is not None:
        low, high = (decimal_text(end * factor, decimals) for end in estimate.ci95)
        middle = sum(estimate.ci95) / 2
        symmetric = abs(middle - estimate.mean) <= SYMMETRIC_SHARE * estimate.margin
        text += f" ± {decimal_text(estimate.margin * factor, decimals)}" if symmetric else f" [{low}, {high}]"
    elif estimate.no_interval == NO_SPREAD:
        text += " (no spread)"
    elif estimate.n == 1 and estimate.segmenter_sd is not None:
        text += f" (sd {decimal_text(estimate.segmenter_sd * factor, decimals)})"
    return text if seeds in (None, estimate.n) else f"{text} (n={estimate.n} of {seeds})"


def factor_and_decimals(value: Value) -> tuple[float, int]:
    """By what a number is multiplied in tables, and how many decimals it has there."""
    factor, usual_decimals = (100, 1) if value.unit == "%" else (1, 3)
    return factor, usual_decimals if value.decimals is None else value.decimals


def score_text(record: Mapping[str, Any]) -> str:
    """The ranking value of a cell with its heading and unit, or nothing where it has none."""
    score = record["metrics"].get(RANKED_BY)
    if score is None:
        return ""
    value = value_from(record["values"].get(RANKED_BY, {}))
    factor, decimals = factor_and_decimals(value)
    return f"{value.heading or RANKED_BY} {score * factor:.{decimals}f} {value.unit}".rstrip()


def p_text(p: float) -> str:
    """A p-value.

    >>> p_text(0.0312), p_text(0.00021), p_text(0.0)
    ('p = 0.031', 'p = 2.1e-04', 'p < 1e-16')
    """
    if p < 1e-16:
        return "p < 1e-16"
    return f"p = {p:.3f}" if p >= 0.001 else f"p = {p:.1e}"


def column_decimals(values: Iterable[float | None], digits: int = 4) -> int:
    """Decimals with which the largest of some numbers has so many digits; none where all are whole.

    >>> column_decimals([0.123456, None]), column_decimals([1250.5, 3.25]), column_decimals([3.0, 40000.0])
    (4, 0, 0)
    """
    known = [value for value in values if value is not None and math.isfinite(value)]
    largest = max((abs(value) for value in known), default=0.0)
    if largest == 0 or all(value == round(value) for value in known):
        return 0
    digits_before_point = math.floor(math.log10(largest)) + 1  # not positive for numbers below 0.1
    return min(12, max(0, digits - digits_before_point))


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
