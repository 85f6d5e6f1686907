"""Draws mean ranks on a line, with bars over rows that cannot be told apart (critical-difference diagram)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from benchmark.report.figures.plot_files import plot_bytes
from benchmark.results.across import Across, Standing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_INCHES, LINE_INCHES, TOP_INCHES = 8.0, 0.28, 1.1
DOTS_PER_INCH = 150
BAR_STEP = 0.35
"""Distance of bars, in lines."""


def draw_rank_diagram(across: Across, file_format: str = "png") -> bytes:
    """The mean ranks of rows, best to the left, as in Demsar 2006, figure 1.

    Args:
        across: With a critical difference.
        file_format: "png", "svg" or "pdf".
    """
    from matplotlib.figure import Figure

    lines = math.ceil(len(across.standings) / 2)
    depth = lines + BAR_STEP * len(across.groups()) + 1
    figure = Figure(figsize=(WIDTH_INCHES, TOP_INCHES + LINE_INCHES * depth), dpi=DOTS_PER_INCH, layout="constrained")
    _draw(figure.add_subplot(), across, depth)
    return plot_bytes(figure, file_format)


def _draw(axes: Axes, across: Across, depth: float) -> None:
    count = len(across.standings)
    critical = across.critical_difference or 0.0
    axes.set_xlim(0.2, count + 0.8)
    axes.set_ylim(depth, -1.8)  # downwards, in lines
    axes.axis("off")
    axes.plot([1, count], [0, 0], color="black", linewidth=1)
    for rank in range(1, count + 1):
        axes.plot([rank, rank], [0, -0.15], color="black", linewidth=1)
        axes.text(rank, -0.3, str(rank), ha="center", va="bottom", fontsize=8)
    axes.plot([1, 1 + critical], [-1.25, -1.25], color="black", linewidth=1.5)
    axes.text(1 + critical / 2, -1.35, f"critical difference {critical:.2f}", ha="center", va="bottom", fontsize=8)
    below_bars = 0.3 + BAR_STEP * len(across.groups())
    for position, standing in enumerate(across.standings):
        # the better half is named to the left, from the top down, the other to the right, from the bottom up
        left = position < math.ceil(count / 2)
        line = below_bars + 0.7 + (position if left else count - 1 - position)
        _draw_name(axes, standing, line, 0.8 if left else count + 0.2, left=left)
    for number, (first, last) in enumerate(across.groups()):
        ends = across.standings[first].mean_rank - 0.05, across.standings[last].mean_rank + 0.05
        height = 0.35 + BAR_STEP * number
        axes.plot(ends, [height, height], color="tab:blue", linewidth=3, solid_capstyle="butt")


def _draw_name(axes: Axes, standing: Standing, line: float, margin: float, *, left: bool) -> None:
    axes.plot([standing.mean_rank, standing.mean_rank, margin], [0, line, line], color="gray", linewidth=0.8)
    text = f"{standing.name}  {standing.mean_rank:.2f}"
    axes.text(margin, line, f"{text} " if left else f" {text}", ha="right" if left else "left", va="center", fontsize=8)
