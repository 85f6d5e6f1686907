"""`bench figure`: pictures of results folders, for papers and pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import click

from benchmark.cli.leaderboard import comparable_across, select_boards
from benchmark.cli.options import names, results_folders
from benchmark.errors import UsageError
from benchmark.results.board import Board
from benchmark.results.leaderboard import boards
from benchmark.results.records import read_folders

FORMATS = ("png", "svg", "pdf")


@click.group()
def command() -> None:
    """Draw a figure of results folders."""


def _figure(name: str) -> Callable[[Callable[..., None]], click.Command]:
    """A command of this group with the options that all share; its function gets boards, and a file with its format."""

    def decorate(draw: Callable[..., None]) -> click.Command:
        @command.command(name, help=draw.__doc__)
        @results_folders
        @click.option("--scenario", "scenarios", callback=names, metavar="NAMES", help="Only these, in this order.")
        @click.option("--segmenter", "segmenters", callback=names, metavar="NAMES", help="Only rows with these.")
        @click.option(
            "--output",
            type=click.Path(dir_okay=False, path_type=Path),
            default=Path(f"{name}.png"),
            show_default=True,
            help=f"The file; its suffix says the format: {', '.join(FORMATS)}.",
        )
        def run(
            folders: tuple[Path, ...], scenarios: tuple[str, ...], segmenters: tuple[str, ...], output: Path
        ) -> None:
            file_format = _format_of(output)
            draw(_boards(folders, scenarios, segmenters), output, file_format)
            click.echo(f"written to {output}")

        return run

    return decorate


@_figure("heatmap")
def heatmap(found: list[Board], output: Path, file_format: str) -> None:
    """Translators x scenarios: the share of the gap that each recovers."""
    # imported here, so that the other commands of this group need not load it
    from benchmark.report.figures.heatmap import draw_heatmap, gap_grid, heatmap_table
    from benchmark.report.terminal import console, print_grid

    grid = gap_grid(found)
    if not grid.rows:
        raise UsageError("no row has a share of the gap: source-only, oracle and a translator are needed")
    output.write_bytes(draw_heatmap(grid, file_format))
    print_grid(heatmap_table(grid), console())


@_figure("ranks")
def ranks(found: list[Board], output: Path, file_format: str) -> None:
    """Mean ranks of translators over boards, with bars over those that cannot be told apart."""
    from benchmark.report.across import across_grid
    from benchmark.report.figures.rank_diagram import draw_rank_diagram
    from benchmark.report.terminal import console, print_grid

    across = comparable_across(found)
    if across.critical_difference is None:
        raise UsageError("a critical difference takes three translators that all boards have")
    output.write_bytes(draw_rank_diagram(across, file_format))
    print_grid(across_grid(across), console())


def _format_of(output: Path) -> str:
    suffix = output.suffix.removeprefix(".").lower()
    if suffix not in FORMATS:
        raise UsageError(f"--output {output}: expected a name that ends in {', '.join(f'.{one}' for one in FORMATS)}")
    return suffix


def _boards(folders: Sequence[Path], scenarios: tuple[str, ...], segmenters: tuple[str, ...]) -> list[Board]:
    """The newest board of each scenario, in the order asked for, with the rows of some segmenters alone."""
    records, problems = read_folders(folders)
    for problem in problems:
        click.echo(f"Warning: {problem}", err=True)
    found = boards(records)
    known = {board.scenario for board in found}
    for name in scenarios:
        if name not in known:
            select_boards(found, name)  # raises, with a guess at what was meant
    selected = select_boards(found, None)
    if scenarios:
        selected = [board for name in scenarios for board in selected if board.scenario == name]
    if segmenters:
        selected = [
            replace(board, rows=tuple(row for row in board.rows if row.segmenter in segmenters)) for board in selected
        ]
    return selected
