"""Records as a pandas table, for notebooks and for statistics that the leaderboard does not make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.results.records import read_records

if TYPE_CHECKING:
    from pandas import DataFrame

NAMES = ("scenario", "translator", "segmenter", "seed", "budget", "status", "config_key")


def load_results(results: Path | str) -> DataFrame:
    """One row per cell (scenario, translator, segmenter, seed) of a results folder.

    Columns are what names the cell, each of its metrics (fractions; NaN where there is none), the seconds it took,
    and `iou.CLASS` for each class.

    Example:
        load_results("results/streets").groupby("translator")["miou"].describe()

    Raises:
        StoreError: The folder cannot be read.
    """
    from pandas import DataFrame

    records, _ = read_records(Path(results))
    return DataFrame([_row(record) for record in records], columns=_columns(records))


def _row(record: dict[str, Any]) -> dict[str, Any]:
    iou = {f"iou.{name}": value for table in record["details"].values() for name, value in table.get("iou", {}).items()}
    named = {name: record[name] for name in NAMES} | {"budget": record["budget"]["name"]}
    return {**named, **record["metrics"], "seconds": record["cost"]["seconds"], **iou}


def _columns(records: list[dict[str, Any]]) -> list[str]:
    seen = dict.fromkeys(name for record in records for name in _row(record))
    return list(seen) or list(NAMES)
