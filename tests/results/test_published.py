"""What is published can be read, and the README prints what is published."""

from pathlib import Path

import pytest

from benchmark.report.figures.heatmap import gap_grid, heatmap_table
from benchmark.report.leaderboard_tables import leaderboard_grid
from benchmark.results.leaderboard import boards
from benchmark.results.records import read_records

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(path.parent for path in (ROOT / "results").glob("*/records"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_published_record_is_read(folder):
    records, problems = read_records(folder)
    assert problems == []
    assert len(records) == len(list((folder / "records").glob("*.json")))


def _table(page, *first_headings):
    """The lines of a table of a page, by heading."""
    lines = page.read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    start = next(number for number, row in enumerate(rows) if row[: len(first_headings)] == [*first_headings])
    headings, *body = rows[start:]
    return [dict(zip(headings, row, strict=True)) for row in body[1:] if len(row) == len(headings)]


def test_the_board_of_streets_is_that_of_the_readme():
    board = boards(read_records(ROOT / "results/streets")[0])[0]
    grid = leaderboard_grid(board)
    names = grid.headings[: grid.fixed]
    rows = {}
    for row in grid.rows:
        cells = dict(zip(grid.headings, row, strict=True))
        rows[tuple(cells[name] for name in names[1:])] = cells
    printed = _table(ROOT / "README.md", "#", "translator")
    assert len(printed) >= 8
    for cells in printed:
        found = rows[tuple(cells[name] for name in names[1:])]
        assert {heading: found[heading] for heading in cells} == cells


def test_the_gaps_of_shifts_are_those_of_its_page():
    folder = ROOT / "results/shifts"
    found = [one for one in boards(read_records(folder)[0]) if one.scenario.startswith("streets-")]
    grid = heatmap_table(gap_grid(found))
    names = [heading.removeprefix("streets-") for heading in grid.headings]
    measured = {row[0]: dict(zip(names, row, strict=True)) for row in grid.rows}
    printed = {cells["translator"]: cells for cells in _table(folder / "README.md", "translator", "all")}
    rows = {row.translator: row for row in found[0].rows if row.role in ("floor", "ceiling")}
    assert {name: cells for name, cells in printed.items() if not name.startswith("*")} == measured
    for control in rows:
        mious = {}
        for board in found:
            [miou] = [
                row.metrics["miou"].mean
                for row in board.rows
                if (row.translator, row.segmenter) == (control, board.family)
            ]
            mious[board.scenario.removeprefix("streets-")] = f"{100 * miou:.1f}"
        cells = printed[f"*{control}, mIoU %*"]
        assert {name: cells[name] for name in mious} == mious
