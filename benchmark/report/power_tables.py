"""Tables of where the spread of a board comes from, and of what a number of seeds can tell apart."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmark.report.tables import EMPTY, TextTable, decimal_text
from benchmark.results.board import OVER_CONTROL, Board, Row
from benchmark.results.multiple import LEVEL
from benchmark.results.record_fields import RANKED_BY
from benchmark.results.statistics import t_quantile
from benchmark.results.variance import POWER, Spread, smallest_difference, spread_of

ROW = ("translator", "segmenter")
UNKNOWN_SPREAD = (
    "The spread of a row is known from two translator seeds with two segmenters each; where no translator is trained, "
    "from two cells."
)


def spread_grid(board: Board, seeds: int, segmenter_seeds: int) -> TextTable:
    """Standard deviations by cause, minutes, and the half-width of the interval that a number of seeds would have."""
    rows = []
    spreads = [spread_of(row) for row in board.rows]
    for row, spread in zip(board.rows, spreads, strict=True):
        variance = spread.of_mean(seeds, segmenter_seeds)
        half_width = None
        if variance is not None and seeds > 1:
            half_width = 100 * t_quantile(seeds - 1) * math.sqrt(variance)
        best = spread.best_segmenter_seeds()
        mean = row.metrics[RANKED_BY].mean
        rows.append(
            (
                row.translator,
                row.segmenter,
                decimal_text(None if mean is None else 100 * mean, 1),
                _deviation(spread.translator),
                _deviation(spread.segmenter),
                _deviation(spread.together),
                _deviation(spread.images),
                decimal_text(spread.translator_minutes or None, 1),
                decimal_text(spread.segmenter_minutes, 1),
                EMPTY if best is None else str(best),
                decimal_text(half_width, 1),
            )
        )
    headings = (
        *ROW,
        "mIoU %",
        "sd translator",
        "sd segmenter",
        "sd both",
        "sd images",
        "min translator",
        "min segmenter",
        "best segmenter seeds",
        f"± with {seeds} x {segmenter_seeds}",
    )
    title = f"{board.scenario} · {board.family}: spread of mIoU by its cause, in points"
    return TextTable(title, headings, tuple(rows), fixed=2, notes=_spread_notes(spreads))


def _spread_notes(spreads: Sequence[Spread]) -> tuple[str, ...]:
    notes = [
        "sd translator, segmenter, both: of one training each, the segmenters on the same translations; sd images: of "
        "other test images, whole groups at a time. Best segmenter seeds: those with the narrowest interval for the "
        "same minutes."
    ]
    if any(map(_unknown, spreads)):
        notes.append(UNKNOWN_SPREAD)
    return tuple(notes)


def _deviation(variance: float | None) -> str:
    """A standard deviation in points."""
    return EMPTY if variance is None else f"{100 * math.sqrt(variance):.1f}"


def _unknown(spread: Spread) -> bool:
    return spread.translator is None or spread.segmenter is None


def power_grid(board: Board, seeds: int, segmenter_seeds: int) -> TextTable:
    """For each translator, whether a number of seeds would tell it from its strongest control."""
    held = [row for row in board.rows if not row.role and row.control is not None]
    rows = tuple(_power_row(row, board, seeds, segmenter_seeds, len(held)) for row in held)
    trainings = f"{seeds} translator seeds tell apart, segmenters of each: {segmenter_seeds}"
    title = f"{board.scenario} · {board.family}: what {trainings}"
    headings = (*ROW, "strongest control", "difference", "least difference, alone", "among all rows", "told apart")
    notes = (
        f"Least difference: what is found with a chance of {POWER:.0%} at a level of {LEVEL:.0%}, in points of mIoU, "
        f"on the same test images; alone, or as one of the {len(held)} rows of this table.",
    )
    return TextTable(title, headings, rows, fixed=2, notes=notes)


def _power_row(row: Row, board: Board, seeds: int, segmenter_seeds: int, comparisons: int) -> tuple[str, ...]:
    assert row.control is not None
    name = (row.control.translator, row.control.segmenter)
    control = next(one for one in board.rows if (one.translator, one.segmenter) == name)
    observed = row.metrics[OVER_CONTROL].mean
    variances = [spread_of(one).of_mean(seeds, segmenter_seeds) for one in (row, control)]
    names = (row.translator, row.segmenter, " x ".join(name))
    difference = decimal_text(None if observed is None else 100 * observed, 1)
    known = [variance for variance in variances if variance is not None]
    if len(known) < len(variances) or seeds < 2:
        return (*names, difference, EMPTY, EMPTY, EMPTY)
    alone, among = (smallest_difference(sum(known), seeds, level) for level in (LEVEL, LEVEL / comparisons))
    verdict = EMPTY if observed is None else "yes" if abs(observed) >= among else "no"
    return (*names, difference, decimal_text(100 * alone, 1), decimal_text(100 * among, 1), verdict)
