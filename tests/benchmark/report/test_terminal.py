"""A table fits its terminal without a number cut in two; off a terminal nothing wraps."""

import io
import subprocess
import sys

import pytest
from rich.console import Console

from benchmark.report.tables import TextTable
from benchmark.report.terminal import PLAIN_WIDTH, console, print_grid

NUMBERS = tuple(f"{n}.0 ± 1.{n}" for n in range(10, 18))
GRID = TextTable(
    title="a title",
    headings=("#", "translator", *(f"metric {n}" for n in range(8))),
    rows=(("1", "cyclegan", *NUMBERS), ("2", "source-only", *NUMBERS)),
    fixed=2,
    notes=("a note that is rather long " * 5,),
)


def _printed(width):
    file = io.StringIO()
    print_grid(GRID, Console(file=file, width=width))
    return file.getvalue()


@pytest.mark.parametrize("width", [40, *range(76, 104), 400])
def test_every_number_is_whole_at_any_width(width):
    text = _printed(width)
    assert all(len(line) <= width for line in text.splitlines())
    for number in NUMBERS:
        assert text.count(number) == 2


def test_a_narrow_table_goes_on_below_with_the_row_names_again():
    assert _printed(400).count("cyclegan") == 1
    assert _printed(60).count("cyclegan") > 1


def test_off_a_terminal_a_table_is_as_wide_as_it_must_be(monkeypatch, tmp_path):
    monkeypatch.delenv("COLUMNS", raising=False)
    with (tmp_path / "table.txt").open("w") as file:
        out = console(file)
        print_grid(GRID, out)
    assert out.width == PLAIN_WIDTH
    text = (tmp_path / "table.txt").read_text()
    assert text.count("cyclegan") == 1
    assert "\x1b" not in text


def test_brackets_are_text_and_not_markup():
    file = io.StringIO()
    print_grid(
        TextTable("[bold]", ("translator",), (("cyclegan [red]",),), notes=("[x]",)), Console(file=file, width=80)
    )
    assert all(text in file.getvalue() for text in ("[bold]", "cyclegan [red]", "[x]"))


def test_progress_that_nobody_takes_any_more_leaves_standard_output_alone():
    code = """
import os
from benchmark.report.terminal import console
received, sent = os.pipe()
os.close(received)
out = console(os.fdopen(sent, "w", buffering=1))
out.print("progress")
out.print("progress")
print("leaderboard")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "leaderboard\n"
