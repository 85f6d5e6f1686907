"""Records as a pandas table, for notebooks and for statistics that the leaderboard does not make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.results.record_fields import seed_pair
from benchmark.results.records import read_records

if TYPE_CHECKING:
    from pandas import DataFrame

NAMES = ("scenario", "translator", "segmenter", "seed", "segmenter_seed", "budget", "status", "config_key")


def load_results(results: Path | str) -> DataFrame:
    """One row per cell (scenario, translator, segmenter, seed, segmenter seed) of a results folder.

    Columns are what names the cell, each of its metrics (fractions; NaN where there is none), the seconds it took,
    and `iou.CLASS` for each class.

    Example:
        load_results("results/streets").groupby("translator")["miou"].describe()

    Raises:
        StoreError: The folder cannot be read.
    """
    from pandas import DataFrame

    records, _ = read_records(Path(results))
    # given by name, the columns are there even where there is no record
    return DataFrame([_row(record) for record in records], columns=_columns(records))


def _row(record: dict[str, Any]) -> dict[str, Any]:
    budget, pair = record["budget"]["name"], seed_pair(record)
    row = {name: record.get(name) for name in NAMES} | {"budget": budget, "segmenter_seed": pair.segmenter_seed}
    row |= record["metrics"]
    row["seconds"] = record["cost"]["seconds"]
    for table in record["details"].values():
        row |= {f"iou.{name}": value for name, value in table.get("iou", {}).items()}
    return row


def _columns(records: list[dict[str, Any]]) -> list[str]:
    columns: dict[str, None] = {}
    for record in records:
        columns |= dict.fromkeys(_row(record))
    return list(columns) or list(NAMES)
