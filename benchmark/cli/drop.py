"""`bench drop`: removes rows of a leaderboard, with all that only they need."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from benchmark.cli.options import WholeNumber, results_option
from benchmark.cli.removal import print_removals, remove_unless_in_use
from benchmark.errors import UsageError, did_you_mean
from benchmark.results.cleaning import exclusive_files, readable_records
from benchmark.store.store import Store

ROW = re.compile(r"\s*(\S+)(?:\s+x\s+(\S+))?\s*")


@click.command()
@click.argument("rows", nargs=-1, required=True, metavar="ROW...")
@click.option("--scenario", metavar="NAME", help="Only rows of this scenario.")
@click.option("--seed", type=WholeNumber(min=0), help="Only this seed of the rows.")
@results_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(rows: tuple[str, ...], scenario: str | None, seed: int | None, results: Path, yes: bool) -> None:
    """Remove rows: their records and pictures, and the stages that only they need.

    A ROW is the name of a translator, "cyclegan", or of a pair, "cyclegan x deeplabv3", as in the leaderboard.
    """
    store = Store(results)
    records = readable_records(store)
    dropped: list[Mapping[str, Any]] = []
    for row in rows:
        dropped += records_of_row(records, row, scenario, seed)
    removals = exclusive_files(store, dropped)
    print_removals(store.results, removals)
    if not yes:
        click.confirm("Remove these?", abort=True)
    remove_unless_in_use(store, removals)
    click.echo("Removed.")


def records_of_row(
    records: Sequence[Mapping[str, Any]], row: str, scenario: str | None, seed: int | None
) -> list[Mapping[str, Any]]:
    """The records of a row, one for each scenario and seed; `UsageError` when there is none."""
    match = ROW.fullmatch(row)
    if match is None:
        raise UsageError(f"'{row}': expected a translator, or a pair as in 'cyclegan x deeplabv3'")
    translator, segmenter = match.groups()
    found = [
        record
        for record in records
        if record["translator"] == translator
        and segmenter in (None, record["segmenter"])
        and scenario in (None, record["scenario"])
        and seed in (None, record["seed"])
    ]
    if not found:
        guess = did_you_mean(translator, {record["translator"] for record in records} - {translator})
        raise UsageError(f"'{row}': no such row with this scenario and seed.{guess}  (bench leaderboard --all)")
    return found
