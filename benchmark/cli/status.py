"""`bench status`: what a results folder holds and what is running in it, read from the disk alone."""

from __future__ import annotations

import json
from pathlib import Path

import click

from benchmark.cli.options import results_option
from benchmark.errors import UsageError
from benchmark.report.status import stage_statuses, status_grid
from benchmark.report.terminal import console, print_grid
from benchmark.store.store import Store


@click.command()
@results_option
@click.option("--json", "as_json", is_flag=True, help="Print an array of stages for programs.")
def command(results: Path, as_json: bool) -> None:
    """List what is finished, running, interrupted or failed, with reasons and last log lines, and the disk it takes."""
    if not results.is_dir():
        raise UsageError(f"{results}: no such results folder; run `bench matrix` first, or choose one with --results")
    statuses = stage_statuses(Store(results))
    if as_json:
        click.echo(json.dumps([status.as_json() for status in statuses], indent=1))
    else:
        print_grid(status_grid(results, statuses), console())
