"""Tables whose last column is a sentence, printed so that no name is broken, however narrow the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

BETWEEN = "  "
LEAST_ROOM = 24
"""Columns that the sentence needs beside the others; with fewer it stands below them."""
INDENT = "    "


def prose_table(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """The lines of a table; every row ends in a sentence, which is broken between words.

    Args:
        headings: One per column.
        rows: As many cells each.
        width: Columns of the terminal.
    """
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    taken = sum(widths[:-1]) + len(BETWEEN) * (len(widths) - 1)
    if taken + LEAST_ROOM <= width:
        yield _line(headings, widths)
        yield "-" * min(width, taken + widths[-1])
        for row in rows:
            first, *further = wrap(row[-1], width - taken) or [""]
            yield _line([*row[:-1], first], widths)
            yield from (" " * taken + line for line in further)
        return
    yield from _stacked(rows, width)


def _stacked(rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Each row as its name, and all the rest of it in lines below."""
    for name, *facts, sentence in rows:
        yield name
        for text in (", ".join(filter(None, facts)), sentence):
            yield from wrap(
                text,
                width,
                initial_indent=INDENT,
                subsequent_indent=INDENT,
                break_long_words=False,
                break_on_hyphens=False,
            )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return BETWEEN.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
