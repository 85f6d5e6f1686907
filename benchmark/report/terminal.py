"""Tables on a terminal: never a number cut in two, whatever the width."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import IO

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from benchmark.report.tables import TextTable

PLAIN_WIDTH = 500
"""Off a terminal nothing is cut and nothing wraps; a table is as wide as it must be."""

BETWEEN = "  "
"""What stands between two columns: the padding of one, and the edge of the box."""


class ProgressConsole(Console):
    """A console that becomes silent when its pipe is closed, so that the run goes on."""

    def on_broken_pipe(self) -> None:
        """Print nothing more. Rich would also redirect standard output, where the leaderboard goes, and exit."""
        self.quiet = True


def console(file: IO[str] | None = None) -> Console:
    """A console on standard output or a file, as wide as its terminal, or unbounded where there is none."""
    stream = sys.stdout if file is None else file
    bounded = stream.isatty() or "COLUMNS" in os.environ
    kind = Console if file is None else ProgressConsole
    return kind(file=stream, highlight=False, soft_wrap=False, width=None if bounded else PLAIN_WIDTH)


def print_grid(grid: TextTable, out: Console) -> None:
    """Print a table; where it is too wide its columns go on below, the leading ones repeated."""
    if grid.title:
        out.print(Text(grid.title, style="bold"))
    for columns in _column_groups(grid, out.width):
        out.print(_table(grid, columns))
        out.print()
    for note in grid.notes:
        out.print(Padding(Text(note, style="dim"), (0, 0, 0, 2), expand=False))


def _column_groups(grid: TextTable, width: int) -> Iterator[list[int]]:
    """Groups of columns that fit side by side, each with the fixed ones."""
    columns = zip(grid.headings, *grid.rows, strict=True)
    # cell_len and not len: a character may be two columns wide
    widths = [max(map(cell_len, column)) + len(BETWEEN) for column in columns]
    fixed = list(range(grid.fixed))
    # nothing stands behind the last column, so one separator more fits
    room = width + len(BETWEEN) - sum(widths[: grid.fixed])
    group: list[int] = []
    for column in range(grid.fixed, len(grid.headings)):
        group_width = sum(widths[other] for other in group)
        if group and group_width + widths[column] > room:
            yield [*fixed, *group]
            group = []
        group.append(column)
    yield [*fixed, *group]


def _table(grid: TextTable, columns: Sequence[int]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for column in columns:
        words = column < grid.fixed and grid.headings[column] != "#"
        table.add_column(
            Text(grid.headings[column]),
            justify="left" if words else "right",
            no_wrap=not words,
            overflow="fold" if words else "ellipsis",
        )
    for index, row in enumerate(grid.rows):
        table.add_row(*(Text(row[c]) for c in columns), style="dim" if index in grid.dim else None)
    return table
