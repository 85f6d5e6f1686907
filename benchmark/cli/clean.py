"""`bench clean`: removes what no record of a results folder needs."""

from __future__ import annotations

from pathlib import Path

import click

from benchmark.cli.options import results_option
from benchmark.cli.removal import print_removals, remove_unless_in_use
from benchmark.results.cleaning import unneeded_files
from benchmark.store.store import Store


@click.command()
@results_option
@click.option("--yes", is_flag=True, help="Remove; without it, only what would be removed is listed.")
def command(results: Path, yes: bool) -> None:
    """List what no record needs, with its size, or remove it with --yes.

    That is: stages that no record refers to, old unfinished work, failures of stages that are not there any more, and
    what interrupted writes have left. An interrupted matrix has no records yet of its open rows: run it to its end
    first.
    """
    store = Store(results)
    removals = unneeded_files(store)
    if not removals:
        click.echo("Nothing to remove.")
        return
    print_removals(store.results, removals)
    if yes:
        remove_unless_in_use(store, removals)
        click.echo("Removed.")
    else:
        click.echo("Nothing was removed; --yes removes these.")
