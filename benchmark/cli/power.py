"""`bench power`: where the spread of the scores comes from, and what a number of seeds can tell apart."""

from __future__ import annotations

from pathlib import Path

import click

from benchmark.cli.leaderboard import select_boards
from benchmark.cli.options import WholeNumber, results_folders
from benchmark.errors import UsageError
from benchmark.report.power_tables import power_grid, spread_grid
from benchmark.report.terminal import console, print_grid
from benchmark.results.leaderboard import boards
from benchmark.results.records import read_folders


@click.command()
@results_folders
@click.option("--scenario", metavar="NAME", help="Only this scenario.")
@click.option("--seeds", type=WholeNumber(min=2), default=3, show_default=True, help="Translator seeds to plan for.")
@click.option(
    "--segmenter-seeds", type=WholeNumber(min=1), default=1, show_default=True, help="Segmenters of each of them."
)
@click.option("--all", "every", is_flag=True, help="Also older boards: other sizes, budgets, class sets ...")
@click.pass_context
def command(
    ctx: click.Context,
    folders: tuple[Path, ...],
    scenario: str | None,
    seeds: int,
    segmenter_seeds: int,
    *,
    every: bool,
) -> None:
    """Say where the spread of mIoU comes from, and which differences a number of seeds can tell apart.

    The spread is that of the finished cells of results folders: run a few seeds, with --segmenter-seeds 2, before
    planning many. Exit code 2 when a record could not be read.
    """
    records, problems = read_folders(folders)
    found = select_boards(boards(records), scenario, every=every)
    if not found:
        raise UsageError(f"{folders[0]}: no records; run `bench matrix --seeds 0,1 --segmenter-seeds 2` first")
    out = console()
    for board in found:
        print_grid(spread_grid(board, seeds, segmenter_seeds), out)
        out.print()
        power = power_grid(board, seeds, segmenter_seeds)
        if power.rows:
            print_grid(power, out)
            out.print()
    for problem in problems:
        click.echo(f"Warning: {problem}", err=True)
    if problems:
        ctx.exit(UsageError.exit_code)
