"""`bench validity`: which measures that need no target labels predict which translator helps."""

from __future__ import annotations

import json
from pathlib import Path

import click

from benchmark.cli.options import results_folders
from benchmark.errors import UsageError
from benchmark.report.terminal import console, print_grid
from benchmark.report.validity_table import validity_grid, validity_json
from benchmark.results.records import Record, read_records
from benchmark.results.validity import points, validities, with_agreements


@click.command()
@results_folders
@click.option(
    "--rows", "every_row", is_flag=True, help="All rows of a family of segmenters, controls too, not translators alone."
)
@click.option("--json", "as_json", is_flag=True, help="For programs: the table, and the points it is made of.")
@click.pass_context
def command(ctx: click.Context, folders: tuple[Path, ...], *, every_row: bool, as_json: bool) -> None:
    """Say how well measures without target labels order translators, over all boards of some results folders.

    Agreement between segmenters is read from stored predictions, so that it is missing where stages were removed.
    Exit code 2 when a record could not be read.
    """
    records: list[Record] = []
    problems: list[str] = []
    for folder in folders:
        found, problems_of_folder = read_records(folder)
        records += with_agreements(found, folder)
        problems += problems_of_folder
    measured = points(records, every_row=every_row)
    if not measured:
        raise UsageError("no translator beside a source-only row was found; run `bench matrix` first")
    table = validities(measured)
    if as_json:
        click.echo(json.dumps(validity_json(table, measured), indent=1, allow_nan=False))
    else:
        print_grid(validity_grid(table, every_row=every_row), console())
    for problem in problems:
        click.echo(f"Warning: {problem}", err=True)
    if problems:
        ctx.exit(UsageError.exit_code)
