"""One JSON file per cell: what it measured, under which configuration, at what cost; all a leaderboard reads."""

from __future__ import annotations

import json
import platform
import subprocess
import time
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmark import __version__
from benchmark.api.stage_context import PICTURES
from benchmark.config.matrix import PluginConfig
from benchmark.errors import StoreError
from benchmark.plan.model import Cell, Plan
from benchmark.plan.stage_kinds import SOURCE_SEGMENTER, STAGE_KINDS, TARGET_SEGMENTER, Role
from benchmark.results.merging import add_stored_scores
from benchmark.results.scores import collect_scores
from benchmark.store.json_files import read_json, write_json
from benchmark.store.store import Failure, Store

SCHEMA = 1
DONE, SKIPPED, INVALID = "done", "skipped", "invalid"
STATUSES = (DONE, "failed", "oom", "timeout", "interrupted", SKIPPED, INVALID)
REQUIRED: Mapping[str, type | tuple[type, ...]] = {
    "cell": str,
    "config_key": str,
    "scenario": str,
    "classes": list,
    "size": list,
    "checkpoint": str,
    "budget": str,
    "translator": str,
    "segmenter": str,
    "seed": int,
    "status": str,
    "metrics": dict,
    "missing": dict,
    "values": dict,
    "details": dict,
    "config": dict,
    "stages": dict,
    "cost": dict,
}
VOLATILE = ("cost", "provenance")


def make_record(
    cell: Cell,
    plan: Plan,
    store: Store,
    failure: Failure | None,
    score_failures: Mapping[str, Failure] | None = None,
) -> dict[str, Any]:
    """The record of a cell from what its finished stages left.

    Args:
        cell: The cell.
        plan: Where it comes from.
        store: Where its stages lie.
        failure: Why it is not complete, or None.
        score_failures: Why a metric has no values, by the key of its score stage.
    """
    matrix = plan.matrix
    scenario = next(one for one in matrix.scenarios if one.name == cell.scenario)
    scores = collect_scores(cell, plan, store, score_failures or {})
    stages = {role: _stage(role.kind, key, store) for role, key in cell.stages.items()}
    for role, score in scores.by_role.items():
        stages[role] |= {"values": score.value_names, "details": score.details}
        if score.failure:
            stages[role]["failure"] = asdict(score.failure)
    auxiliary = {}
    if {SOURCE_SEGMENTER, TARGET_SEGMENTER} & set(cell.stages):
        auxiliary["auxiliary_segmenter"] = _stored(matrix.auxiliary_segmenter)
    return {
        "schema": SCHEMA,
        "cell": cell.id,
        "config_key": cell.config_key,
        "scenario": cell.scenario,
        "classes": list(plan.classes.get(cell.scenario, ())),
        "size": list(scenario.size),
        "checkpoint": scenario.checkpoint,
        "translator": cell.translator,
        "segmenter": cell.segmenter,
        "seed": cell.seed,
        "budget": matrix.budget,
        "status": failure.status if failure else DONE,
        "reason": failure.reason if failure else None,
        "log_tail": list(failure.log_tail) if failure else [],
        **scores.tables,
        "config": {
            "scenario": plan.scenarios.get(cell.scenario) or scenario.model_dump(mode="json"),
            "translator": _choice(matrix.translators, cell.translator),
            "segmenter": _choice(matrix.segmenters, cell.segmenter),
            "metrics": [_stored(metric) for metric in matrix.metrics],
            "device": matrix.device,
            "precision": matrix.precision,
        }
        | auxiliary,
        "stages": stages,
        "cost": _cost({role: stage for role, stage in stages.items() if _counts(role)}),
        "provenance": provenance() | {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())},
    }


def comparable(record: Mapping[str, Any]) -> dict[str, Any]:
    """What of a record is the same whenever and wherever (on one kind of machine) its cell is run again."""
    kept = {name: value for name, value in record.items() if name not in VOLATILE}
    return kept | {"stages": {role: stage["key"] for role, stage in record["stages"].items()}}


def record_path(results: Path, cell_id: str) -> Path:
    """Where the record of a cell lies."""
    return results / "records" / f"{cell_id}.json"


def write_record(results: Path, record: dict[str, Any]) -> dict[str, Any]:
    """Store a record, with the values of metrics that only the stored one has; an equal one is left as it is.

    Returns:
        The record that lies there now.
    """
    path = record_path(results, record["cell"])
    stored = read_json(path)
    if isinstance(stored, dict) and not _problem(stored):
        record = add_stored_scores(record, stored)
        if comparable(stored) == comparable(record):
            return stored
    write_json(path, record, indent=1)
    return record


def read_records(results: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """All records of a results folder, by file name.

    Returns:
        The records, and one line for each file that is none, with what to do about it.

    Raises:
        StoreError: There is no such folder.
    """
    if not results.is_dir():
        raise StoreError(f"{results}: no such results folder; run `bench matrix`, or name another with --results")
    records, problems = [], []
    for path in sorted((results / "records").glob("*.json")):
        try:
            record = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            problem: str | None = f"expected a record, but it cannot be read ({error})"
        else:
            problem = _problem(record)
        if problem:
            problems.append(f"{path}: {problem}; run its matrix again to have it back, or delete the file")
        else:
            records.append(record)
    return records, problems


@cache
def provenance() -> dict[str, str | None]:
    """Versions and platform that results are made with."""
    return {
        "bench": __version__,
        "git": _git_revision(),
        "python": platform.python_version(),
        "torch": _installed("torch"),
        "platform": platform.platform(),
    }


def _problem(record: Any) -> str | None:
    """What keeps a JSON value from being a record of this schema, or None."""
    if not isinstance(record, dict):
        return f"expected a record (a JSON object), but it holds {record!r:.40}"
    if record.get("schema") != SCHEMA:
        return f"expected a record of schema {SCHEMA}, but it has {record.get('schema')!r}"
    for name, kind in REQUIRED.items():
        if not isinstance(record.get(name), kind):
            return f"not a whole record: '{name}' is missing or not of its type"
    if record["status"] not in STATUSES:
        return f"status must be one of {', '.join(STATUSES)}, but is '{record['status']}'"
    if not isinstance(record["config"].get("scenario"), dict):
        return "not a whole record: 'config' holds no scenario"
    for name, value in record["metrics"].items():
        if not isinstance(value, (int, float)):
            return f"metric '{name}' must be a number, but is {value!r}"
    return None


def _counts(role: Role) -> bool:
    """Whether the cost of a stage belongs to a cell: that of a training and of its use does, that of measuring not."""
    return not STAGE_KINDS[role.kind].scores and role != TARGET_SEGMENTER


def _stage(kind: str, key: str, store: Store) -> dict[str, Any]:
    folder = store.stage(kind, key)
    result = folder.result()
    pictures = sorted((folder.path / PICTURES).glob("*.png"))
    return {
        "key": key,
        "seconds": result.get("seconds"),
        "device": result.get("device"),
        "precision": result.get("precision"),
        "facts": result.get("facts", {}),
        "pictures": [picture.relative_to(store.results).as_posix() for picture in pictures],
    }


def _cost(stages: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """What the stages of a cell took; one that several cells share counts in each, what only measures in none."""
    peaks = [stage["facts"].get("peak_memory_bytes", 0) for stage in stages.values()]
    seconds = {kind: stage["seconds"] for kind, stage in stages.items() if stage["seconds"] is not None}
    return {"seconds": sum(seconds.values()), "peak_memory_bytes": max(peaks, default=0)}


def _choice(choices: tuple[PluginConfig, ...], label: str) -> dict[str, Any]:
    return next(_stored(choice) for choice in choices if choice.alias == label)


def _stored(choice: PluginConfig) -> dict[str, Any]:
    return {name: value for name, value in asdict(choice).items() if name != "runtime_options"}


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git_revision() -> str | None:
    """Revision of the checkout that bench runs from; None for an installed package."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):  # no git here, or not the owner's checkout
        return None
