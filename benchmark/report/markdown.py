"""Boards as a markdown page."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.report.tables import TextTable


def grid_markdown(grid: TextTable) -> str:
    """A heading, a pipe table with numbers to the right, and its notes as a list."""
    rule = ["---" if index < grid.fixed and name != "#" else "---:" for index, name in enumerate(grid.headings)]
    table = "\n".join(_line(cells) for cells in (grid.headings, rule, *grid.rows))
    notes = "\n".join(f"- {_escape(note)}" for note in grid.notes)
    return f"### {_escape(grid.title)}\n\n{table}\n\n{notes}".rstrip() + "\n"


def page(grids: Sequence[TextTable], sections: Sequence[tuple[str, str]] = ()) -> str:
    """Several tables, then further sections as pairs of title and markdown text."""
    texts = [f"### {_escape(title)}\n\n{text.strip()}\n" for title, text in sections]
    return "\n".join([*map(grid_markdown, grids), *texts])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_escape(cell) for cell in cells) + " |"


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
