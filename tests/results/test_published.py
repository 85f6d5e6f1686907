"""What is published can be read, and the README prints what is published."""

from pathlib import Path

import pytest

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


def _table_of_readme():
    lines = (ROOT / "README.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    start = next(number for number, row in enumerate(rows) if row[:2] == ["#", "translator"])
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
    printed = _table_of_readme()
    assert len(printed) >= 8
    for cells in printed:
        found = rows[tuple(cells[name] for name in names[1:])]
        assert {heading: found[heading] for heading in cells} == cells
