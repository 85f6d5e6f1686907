"""Boards for programs: the JSON of the documented contract, and the same as CSV. Fractions stay fractions."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from benchmark.results.board import NOT_MEASURED, Board, Row
from benchmark.results.statistics import Estimate
from benchmark.results.text import printable


def json_rows(boards: Sequence[Board]) -> list[dict[str, Any]]:
    """One mapping for each row, in the order of the boards; no value is ever NaN."""
    rows = []
    for board in boards:
        rows += [_json_row(board, row) for row in board.rows]
    return rows


def as_json(boards: Sequence[Board]) -> str:
    """The rows as a JSON array."""
    return json.dumps(json_rows(boards), indent=1, allow_nan=False)


def as_csv(boards: Sequence[Board], *, per_class: bool = False, costs: bool = False, highlights: bool = False) -> str:
    """The rows as CSV: a metric takes four columns, its mean, the ends of its interval, and n.

    Args:
        boards: Where the rows come from.
        per_class: Add `iou.CLASS`, means over seeds.
        costs: Add `KIND.minutes`, `.images_per_second`, `.memory` (GiB) and `.device` for each kind of training.
        highlights: Add the lines of text that metrics gave, joined by semicolons.
    """
    metrics: dict[str, None] = {}  # boards may differ in theirs
    for board in boards:
        metrics |= dict.fromkeys(board.metrics)
    lines: list[dict[str, Any]] = []
    columns: dict[str, None] = {}
    for row in json_rows(boards):
        cells = _csv_row(row, list(metrics))
        if per_class:
            cells |= {f"iou.{name}": estimate["mean"] for name, estimate in row["per_class_iou"].items()}
        if costs:
            cells |= _csv_costs(row["trainings"])
        if highlights:
            cells["highlights"] = "; ".join(row["highlights"])
        line = {_csv_text(name): _csv_text(cell) for name, cell in cells.items()}
        lines.append(line)
        columns |= dict.fromkeys(line)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _csv_costs(trainings: dict[str, dict[str, Any]]) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for kind, training in trainings.items():
        cells |= {f"{kind}.{name}": cell for name, cell in training.items()}
    return cells


def _csv_text(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula; numbers stay numbers."""
    if not isinstance(cell, str):
        return cell
    text = printable(cell)
    # aliases and reasons come from files and plugins; a spreadsheet runs what begins like a formula
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _json_row(board: Board, row: Row) -> dict[str, Any]:
    missing = Estimate(None, None, 0, NOT_MEASURED)
    about = {
        "rank": row.places[0] if row.places else None,
        "scenario": board.scenario,
        "classes": len(board.classes),
        "translator": row.translator,
        "segmenter": row.segmenter,
        "status": "complete" if row.complete else "incomplete",
        "seeds": list(row.seeds),
    }
    metrics = {name: row.metrics.get(name, missing).as_json() for name in board.metrics}
    return about | metrics | _further_fields(board, row)


def _further_fields(board: Board, row: Row) -> dict[str, Any]:
    """Fields that the documented contract does not demand."""
    columns = {name: _finite_or_none(value) for name, value in row.extra.items()}
    per_class = {name: estimate.as_json() for name, estimate in row.per_class.items()}
    trainings = {kind: asdict(training) for kind, training in row.trainings.items()}
    failures = {pair.label: reason for pair, reason in row.failures.items()}
    control = None if row.control is None else {**asdict(row.control), "beaten": row.control.beaten}
    return {
        "places": None if row.places is None else list(row.places),
        "role": row.role,
        "family": board.family,
        "strongest_control": control,
        "budget": board.budget,
        "budget_digest": board.budget_digest,
        "data": board.data,
        "images_seen": row.images_seen,
        "size": list(board.size),
        "checkpoint": board.checkpoint,
        "score_translations": board.score_translations,
        "checkpoint_saw_target_labels": bool(board.flag),
        "config_key": row.config_key,
        "differs": row.differs,
        "seeds_wanted": sorted({pair.seed for pair in row.wanted}),
        "segmenter_seeds": sorted({pair.segmenter_seed for pair in row.wanted}),
        "cells": [pair.label for pair in row.done],
        "unlearnable_classes": list(board.unlearnable),
        "failures": failures,
        "seconds": row.seconds,
        "columns": columns,
        "highlights": list(row.highlights),
        "trainings": trainings,
        "per_class_iou": per_class,
    }


def _finite_or_none(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _csv_row(row: dict[str, Any], metrics: Sequence[str]) -> dict[str, Any]:
    flat: dict[str, Any] = {key: value for key, value in row.items() if not isinstance(value, (dict, list))}
    lists = ("seeds", "seeds_wanted", "segmenter_seeds", "cells", "size")
    flat |= {key: " ".join(map(str, row[key])) for key in lists}
    flat["places"] = "-".join(map(str, row["places"] or ()))
    control = row["strongest_control"]
    flat["strongest_control"] = f"{control['translator']} x {control['segmenter']}" if control else ""
    flat["beats_control"] = "" if control is None else control["beaten"]
    for name in metrics:
        estimate = row.get(name) or {"mean": None, "ci95": None, "n": 0}
        low, high = estimate["ci95"] or (None, None)
        flat |= {name: estimate["mean"], f"{name}_low": low, f"{name}_high": high, f"{name}_n": estimate["n"]}
    flat["failures"] = "; ".join(f"seed {seed} {reason}" for seed, reason in row["failures"].items())
    flat |= row["columns"]
    return flat
