"""Draws translators x scenarios: which translation closes which gap, and where a row is worse than no translation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.report.figures.plot_files import plot_bytes
from benchmark.report.tables import EMPTY, TextTable
from benchmark.results.board import GAIN, GAP_RECOVERED, Board, Row
from benchmark.results.record_fields import RANKED_BY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BELOW = "▼"
"""Mark of a row whose mean is below that of source-only."""
CELL_INCHES, MARGIN_INCHES = (0.85, 0.38), (2.6, 1.9)
DOTS_PER_INCH = 150
LIMIT = 100.0
"""Percent at which colours end."""


@dataclass(frozen=True)
class Grid:
    """Share of the gap that is recovered, in percent.

    Attributes:
        rows: Names of translators, with their segmenters where there are several.
        columns: Names of scenarios, each a board.
        shares: By row and column; what was not measured is left out.
        below: The pairs of row and column whose mIoU is below that of source-only.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    shares: Mapping[tuple[str, str], float]
    below: frozenset[tuple[str, str]]


def gap_grid(boards: Sequence[Board]) -> Grid:
    """The rows of several boards side by side; the best on average stands first.

    Floors and ceilings are left out, but for source-only with the other segmenters of a family, as with augmentation:
    what that recovers of the gap of the family's plain segmenter is what translators are held against.
    """
    shown = [row for board in boards for row in board.rows if row.role not in ("floor", "ceiling")]
    segmenters = {row.segmenter for row in shown}
    shares: dict[tuple[str, str], float] = {}
    below: set[tuple[str, str]] = set()
    for board in boards:
        for row in board.rows:
            share = _share(row, board)
            if share is None:
                continue
            several = len(segmenters) > 1 or row.role == "floor"
            place = (f"{row.translator} x {row.segmenter}" if several else row.translator, board.scenario)
            shares[place] = 100 * share
            gain = row.metrics[GAIN].mean
            if share < 0 if gain is None or row.role == "floor" else gain < 0:
                below.add(place)
    names = dict.fromkeys(name for name, _ in shares)
    columns = dict.fromkeys(board.scenario for board in boards)
    ordered = sorted(names, key=lambda name: -_mean_share(name, shares))
    return Grid(tuple(ordered), tuple(columns), shares, frozenset(below))


def _share(row: Row, board: Board) -> float | None:
    """The share of its gap that a row recovers; None for one that is not shown."""
    if row.role not in ("floor", "ceiling"):
        return row.metrics[GAP_RECOVERED].mean
    if row.role == "ceiling" or row.segmenter == board.family:
        return None
    plain = {one.role: one.metrics[RANKED_BY].mean for one in board.rows if one.segmenter == board.family}
    own, floor, ceiling = row.metrics[RANKED_BY].mean, plain.get("floor"), plain.get("ceiling")
    if own is None or floor is None or ceiling is None or ceiling <= floor:
        return None
    return (own - floor) / (ceiling - floor)


def _mean_share(name: str, shares: Mapping[tuple[str, str], float]) -> float:
    own = [share for (row, _), share in shares.items() if row == name]
    return sum(own) / len(own)


def heatmap_table(grid: Grid) -> TextTable:
    """The grid as text."""
    rows = tuple((row, *(_text(grid, row, column) for column in grid.columns)) for row in grid.rows)
    notes = (f"{BELOW}: below source-only, mean over seeds.",) if grid.below else ()
    return TextTable("Gap recovered, %", ("translator", *grid.columns), rows, notes=notes)


def _text(grid: Grid, row: str, column: str) -> str:
    if (row, column) not in grid.shares:
        return EMPTY
    mark = f" {BELOW}" if (row, column) in grid.below else ""
    return f"{grid.shares[row, column]:.0f}{mark}"


def draw_heatmap(grid: Grid, file_format: str = "png") -> bytes:
    """The grid as a picture: blue where the gap is closed, red where a row is worse than source-only.

    Args:
        grid: At least one row and column.
        file_format: "png", "svg" or "pdf".
    """
    from matplotlib.figure import Figure

    width = MARGIN_INCHES[0] + CELL_INCHES[0] * len(grid.columns)
    height = MARGIN_INCHES[1] + CELL_INCHES[1] * len(grid.rows)
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.add_subplot()
    _draw(axes, grid)
    return plot_bytes(figure, file_format)


def _draw(axes: Axes, grid: Grid) -> None:
    import numpy as np

    values = np.full((len(grid.rows), len(grid.columns)), np.nan)
    for number, row in enumerate(grid.rows):
        for column_number, column in enumerate(grid.columns):
            values[number, column_number] = grid.shares.get((row, column), np.nan)
    axes.imshow(values, cmap="RdBu", vmin=-LIMIT, vmax=LIMIT, aspect="auto")
    for number, row in enumerate(grid.rows):
        for column_number, column in enumerate(grid.columns):
            strong = abs(values[number, column_number]) > 0.6 * LIMIT
            colour = "white" if strong else "black"
            axes.text(
                column_number, number, _text(grid, row, column), ha="center", va="center", color=colour, fontsize=8
            )
    axes.set_xticks(range(len(grid.columns)), grid.columns, rotation=30, ha="right", fontsize=8)
    axes.set_yticks(range(len(grid.rows)), grid.rows, fontsize=8)
    axes.set_title(f"gap recovered, % ({BELOW} below source-only)", fontsize=9)
