"""`bench leaderboard`: the records of a results folder as a table."""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, Any

import click
from rich.console import Console

from benchmark.cli.options import results_folders
from benchmark.errors import UsageError, did_you_mean
from benchmark.registry.registry import Registry, load_registry
from benchmark.report.across import across_csv, across_grid, across_json, agreement_grid
from benchmark.report.export import as_csv, as_json
from benchmark.report.leaderboard_tables import costs_grid, highlights_grid, leaderboard_grid, per_class_grid
from benchmark.report.markdown import page
from benchmark.report.tables import TextTable
from benchmark.report.terminal import console, print_grid
from benchmark.results.across import Across, across_boards
from benchmark.results.board import Board, newest_boards, reorder
from benchmark.results.leaderboard import boards
from benchmark.results.records import read_folders

Table = Callable[[Board], TextTable]
log = logging.getLogger("bench")

FORMATS = ("rich", "markdown", "csv", "json")
_OUTPUT = click.File("w", encoding="utf-8", lazy=False, atomic=True)


@click.command()
@results_folders
@click.option("--format", "style", type=click.Choice(FORMATS), default="rich", show_default=True)
@click.option("--scenario", metavar="NAME", help="Only this scenario.")
@click.option("--sort", metavar="METRIC", help="Order rows by this metric; ranks stay those of mIoU.")
@click.option("--per-class", is_flag=True, help="Also the IoU of each class; in csv, columns (json has it always).")
@click.option("--costs", is_flag=True, help="Also minutes, images/s and memory of the trainings (likewise).")
@click.option("--highlights", is_flag=True, help="Also what metrics say in words, as which classes flipped (likewise).")
@click.option("--across", is_flag=True, help="Instead: mean ranks of translators over boards, with wins and losses.")
@click.option("--all", "every", is_flag=True, help="Also older boards: other sizes, budgets, class sets ...")
@click.option("--output", type=_OUTPUT, default="-", help="A file instead of standard output.")
@click.pass_context
def command(
    ctx: click.Context,
    folders: tuple[Path, ...],
    style: str,
    scenario: str | None,
    sort: str | None,
    per_class: bool,
    costs: bool,
    highlights: bool,
    across: bool,
    every: bool,
    output: IO[str],
) -> None:
    """Print the leaderboards of results folders.

    A row is one translator with one segmenter, averaged over seeds; only what was measured alike shares a board.
    Exit code 2 when a record could not be read.
    """
    records, problems = read_folders(folders)
    registry = load_registry()
    found = select_boards(boards(records, lambda rows: hook_columns(registry, rows)), scenario, every=every)
    if sort:
        found = order_boards(found, sort)
    optional = {per_class_grid: per_class, highlights_grid: highlights, costs_grid: costs}
    further = [table for table, wanted in optional.items() if wanted]
    if across:
        write_across(found, style, output)
    elif style == "rich":
        print_boards(found, console(output), further)
    elif style == "csv":
        output.write(as_csv(found, per_class=per_class, costs=costs, highlights=highlights))
    else:
        output.write(boards_text(found, style, registry, folders, further))
    for problem in problems:
        click.echo(f"Warning: {problem}", err=True)
    if problems:
        ctx.exit(UsageError.exit_code)


def select_boards(found: Sequence[Board], scenario: str | None, *, every: bool = False) -> list[Board]:
    """The boards to print; standard error gets the number of those left out."""
    names = sorted({board.scenario for board in found})
    if scenario is not None and scenario not in names:
        hint = f"{did_you_mean(scenario, names)} There are: {', '.join(names) or 'none'}"
        raise UsageError(f"no records of scenario '{scenario}'.{hint}")
    wanted = [board for board in found if scenario in (None, board.scenario)]
    selected, hidden = (wanted, []) if every else newest_boards(wanted)
    if hidden:
        rows = sum(len(board.rows) for board in hidden)
        click.echo(f"{rows} rows of {len(hidden)} other protocols hidden; --all shows them", err=True)
    return list(selected)


def order_boards(found: Sequence[Board], metric: str) -> list[Board]:
    """Boards by another metric; `UsageError` when none has it."""
    names: set[str] = set()
    for board in found:
        names |= set(board.metrics)
    if found and metric not in names:
        raise UsageError(
            f"--sort {metric}: no such metric.{did_you_mean(metric, names)} There are: {', '.join(sorted(names))}"
        )
    return [reorder(board, metric) for board in found]


def hook_columns(registry: Registry, records: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """The numbers that plugins add to a row; they are given copies of the records, which they may change."""
    if not registry.hook.has_implementation("bench_leaderboard_columns"):
        return {}
    found: dict[str, float | None] = {}
    for columns in registry.hook.bench_leaderboard_columns(records=copy.deepcopy(list(records))):
        if isinstance(columns, Mapping):
            found |= {str(name): _finite_number(value) for name, value in columns.items()}
        else:
            log.warning("bench_leaderboard_columns: expected numbers by name, got %.80r; left out", columns)
    return found


def _finite_number(value: Any) -> float | None:
    try:
        number = float(value) if isinstance(value, (int, float)) else math.nan
    except OverflowError:  # an integer beyond all floats
        number = math.nan
    return number if math.isfinite(number) else None


def write_across(found: Sequence[Board], style: str, output: IO[str]) -> None:
    """Rows compared across boards; `UsageError` where there is nothing to compare."""
    across = comparable_across(found)
    tables = [across_grid(across), agreement_grid(across)]
    if style == "rich":
        for grid in tables:
            print_grid(grid, console(output))
            output.write("\n")
    elif style == "markdown":
        output.write(page(tables))
    else:
        output.write(across_csv(across) if style == "csv" else across_json(across))


def comparable_across(found: Sequence[Board]) -> Across:
    """Rows across boards; `UsageError` where there are fewer than two boards, or than two rows that all have."""
    across = across_boards(found)
    if len(across.boards) < 2:
        have = f"there is {across.boards[0]} alone" if across.boards else "there is none"
        raise UsageError(f"ranks across boards take two scenarios or segmenters, but {have}")
    if len(across.standings) < 2:
        names = ", ".join(across.boards)
        raise UsageError(f"no two translators are on all of {names}; choose boards with --scenario, or run more rows")
    return across


def print_boards(found: Sequence[Board], out: Console, further: Sequence[Table] = ()) -> None:
    """Tables on a terminal."""
    if not found:
        out.print("No records yet: run `bench matrix`.")
    for grid in grids(found, further):
        print_grid(grid, out)
        out.print()


def boards_text(
    found: Sequence[Board], style: str, registry: Registry, folders: Sequence[Path], further: Sequence[Table] = ()
) -> str:
    """Boards as the text of a file: json or markdown."""
    if style == "json":
        return as_json(found) + "\n"
    return page(grids(found, further), report_sections(registry, folders))


def report_sections(registry: Registry, folders: Sequence[Path]) -> list[tuple[str, str]]:
    """The sections that plugins add to a markdown report, as pairs of title and text."""
    sections: list[tuple[str, str]] = []
    for given in chain.from_iterable(registry.hook.bench_report_sections(results=folder) for folder in folders):
        for section in given if isinstance(given, (list, tuple)) else [given]:
            if isinstance(section, (list, tuple)) and len(section) == 2:
                sections.append((str(section[0]), str(section[1])))
            else:
                log.warning("bench_report_sections: expected pairs of title and text, got %.80r; left out", section)
    return sections


def grids(found: Sequence[Board], further: Sequence[Table]) -> list[TextTable]:
    """The table of each board, and further tables of it."""
    tables = []
    for board in found:
        tables += [table(board) for table in (leaderboard_grid, *further)]
    return tables
