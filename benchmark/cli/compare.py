"""`bench compare`: two rows of a leaderboard, and how sure their difference is."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click

from benchmark.cli.options import results_folders
from benchmark.errors import UsageError, did_you_mean
from benchmark.report.comparison import class_grid, comparison_json, comparison_lines
from benchmark.report.leaderboard_tables import title
from benchmark.report.terminal import console, print_grid
from benchmark.results.board import Board, Row, newest_boards
from benchmark.results.comparison import RowComparison, compare_rows
from benchmark.results.leaderboard import boards
from benchmark.results.records import read_folders

ROW = re.compile(r"\s*([^\s:\[\]]+)\s*(?:\[(\w+)\])?\s*(?:(?::|\s+x\s+)\s*([^\s:\[\]]+))?\s*")


class RowName(NamedTuple):
    """A row as a user names it: aliases, and the start of its configuration key where several rows share them."""

    text: str
    translator: str
    key: str
    segmenter: str | None

    def fits(self, row: Row) -> bool:
        """Whether the name is that of a row."""
        same_segmenter = self.segmenter in (None, row.segmenter)
        return self.translator == row.translator and same_segmenter and row.config_key.startswith(self.key)


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@results_folders
@click.option("--scenario", metavar="NAME", help="Only in this scenario.")
@click.option("--segmenter", metavar="NAME", help="Only with this segmenter.")
@click.option("--json", "as_json", is_flag=True, help="For programs: an array with an object for each comparison.")
@click.pass_context
def command(
    ctx: click.Context,
    first: str,
    second: str,
    folders: tuple[Path, ...],
    scenario: str | None,
    segmenter: str | None,
    as_json: bool,
) -> None:
    """Say how much better row A is than row B, and how sure that is.

    A and B are translators, as in "cyclegan", or translators with a segmenter, "cyclegan:deeplabv3". They are compared
    in each scenario and with each segmenter that has both. Exit code 2 when a record could not be read.
    """
    records, problems = read_folders(folders)
    current, _ = newest_boards(boards(records))
    selected = _selected_boards(current, scenario, segmenter)
    names = [_row_name(text, segmenter) for text in (first, second)]
    comparisons = [compare_rows(board, one, other) for board, one, other in row_pairs(selected, *names)]
    if as_json:
        click.echo(json.dumps([comparison_json(one) for one in comparisons], indent=1, allow_nan=False))
    else:
        for comparison in comparisons:
            _print_comparison(comparison)
    for problem in problems:
        click.echo(f"Warning: {problem}", err=True)
    if problems:
        ctx.exit(UsageError.exit_code)


def _selected_boards(found: Sequence[Board], scenario: str | None, segmenter: str | None) -> list[Board]:
    """The boards of a scenario and segmenter; `UsageError` that lists what there is where there are none."""
    scenarios = sorted({board.scenario for board in found})
    segmenters = sorted({row.segmenter for board in found for row in board.rows})
    for option, wanted, known in (("scenario", scenario, scenarios), ("segmenter", segmenter, segmenters)):
        if wanted is not None and wanted not in known:
            guess = did_you_mean(wanted, known)
            raise UsageError(f"--{option} {wanted}: no records of it.{guess} There are: {', '.join(known) or 'none'}")
    return [board for board in found if scenario in (None, board.scenario)]


def _row_name(text: str, segmenter: str | None) -> RowName:
    match = ROW.fullmatch(text)
    if match is None:
        raise UsageError(f"'{text}': expected a translator, or one with its segmenter as in 'cyclegan:deeplabv3'")
    translator, key, own_segmenter = match.groups()
    return RowName(text, translator, key or "", own_segmenter or segmenter)


def row_pairs(found: Sequence[Board], first: RowName, second: RowName) -> list[tuple[Board, Row, Row]]:
    """The pairs of rows that two names stand for, each with its board.

    Names without segmenter stand for a pair with each segmenter that has both rows.

    Raises:
        UsageError: A row is not there, no board has both, or a name stands for several configurations.
    """
    for name in (first, second):
        _check_row_exists(name, found)
    pairs = []
    for board in found:
        for segmenter in _segmenters(board, first, second):
            ours = _only_row(first._replace(segmenter=first.segmenter or segmenter), board)
            theirs = _only_row(second._replace(segmenter=second.segmenter or segmenter), board)
            if ours is not None and theirs is not None:
                pairs.append((board, ours, theirs))
    if not pairs:
        raise UsageError(f"no board has both '{first.text}' and '{second.text}'  (bench leaderboard)")
    if all(ours is theirs for _, ours, theirs in pairs):
        raise UsageError(f"'{first.text}' and '{second.text}' are one row; name two")
    return pairs


def _segmenters(board: Board, first: RowName, second: RowName) -> list[str]:
    """The segmenters that names without one may stand for: that of the other name, or else all of the board."""
    named = first.segmenter or second.segmenter
    return [named] if named else list(dict.fromkeys(row.segmenter for row in board.rows))


def _check_row_exists(name: RowName, found: Sequence[Board]) -> None:
    rows = [row for board in found for row in board.rows]
    if any(name.fits(row) for row in rows):
        return
    known = sorted({f"{row.translator}:{row.segmenter}" for row in rows})
    guess = did_you_mean(name.translator, {row.translator for row in rows} - {name.translator})
    raise UsageError(f"no row '{name.text}'.{guess} There are: {', '.join(known) or 'none'}")


def _only_row(name: RowName, board: Board) -> Row | None:
    """The row of a board that a name stands for, or None; `UsageError` where there are several."""
    rows = [row for row in board.rows if name.fits(row)]
    if len(rows) > 1:
        options = ", ".join(f"'{row.translator}[{row.config_key[:6]}]' ({row.differs})" for row in rows)
        raise UsageError(f"'{name.text}' stands for several rows of {board.scenario}; name one of them: {options}")
    return rows[0] if rows else None


def _print_comparison(comparison: RowComparison) -> None:
    out = console()
    out.print(title(comparison.board), style="bold", markup=False)
    for line in comparison_lines(comparison):
        out.print(line, markup=False)
    out.print()
    if comparison.per_class:
        print_grid(class_grid(comparison), out)
        out.print()
