"""One JSON file per cell: what it measured, under which configuration, at what cost; all a leaderboard reads."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from textwrap import shorten
from typing import Any

from pydantic import BaseModel

from benchmark.api.stage_context import PICTURES
from benchmark.config.matrix import PluginConfig
from benchmark.errors import StoreError, UsageError
from benchmark.plan.model import Cell, Plan
from benchmark.plan.stage_kinds import METRICS_SEGMENTERS, PREDICT_SOURCE, SOURCE_SEGMENTER, STAGE_KINDS, Role
from benchmark.results.merging import add_stored_scores
from benchmark.results.migration import images_seen, schema_2_from_1
from benchmark.results.schema import SCHEMA, CellOfSchema1, CellOfSchema2, Details, Facts
from benchmark.results.scores import collect_scores
from benchmark.results.text import printable
from benchmark.store.json_files import write_json
from benchmark.store.scalars import last_scalars
from benchmark.store.store import Failure, Store
from benchmark.toml_models import validate

Record = Mapping[str, Any]
DONE, SKIPPED, INVALID = "done", "skipped", "invalid"
STATUSES = (DONE, "failed", "oom", "timeout", "interrupted", SKIPPED, INVALID)
MODELS: Mapping[int, type[BaseModel]] = {1: CellOfSchema1, 2: CellOfSchema2}
REPAIR = "run its matrix again to have it back, or delete the file"
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
    stages: dict[str, dict[str, Any]] = {role: _stage(role.kind, key, store) for role, key in cell.stages.items()}
    for role, score in scores.by_role.items():
        stages[role] |= {"values": score.value_names, "details": score.details}
        if score.failure:
            stages[role]["failure"] = asdict(score.failure)
    # before anything reads them: what a plugin reported may have any type
    notes = [*_drop_malformed_facts(stages), *_drop_malformed_details(scores.tables["details"])]
    segmenter = _plugin_of(matrix.segmenters, cell.segmenter)
    config = {
        "scenario": plan.scenarios.get(cell.scenario) or scenario.model_dump(mode="json"),
        "translator": _plugin_of(matrix.translators, cell.translator),
        "segmenter": segmenter,
        "metrics": [_plugin_entry(metric) for metric in matrix.metrics],
        "device": matrix.device,
        "precision": matrix.precision,
        "threads": matrix.threads,
    }
    if {SOURCE_SEGMENTER, *METRICS_SEGMENTERS} & set(cell.stages):
        config["auxiliary_segmenter"] = _plugin_entry(matrix.auxiliary_segmenter)
    counted_stages = {role: stage for role, stage in stages.items() if _counts_as_cost(Role.parse(role))}
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
        "segmenter_seed": cell.segmenter_seed,
        "role": cell.role,
        "family": segmenter.get("family", cell.segmenter),
        "budget": {"name": matrix.budget, "digest": matrix.budget_digest or None},
        "data": plan.fingerprints.get(cell.scenario),
        "images_seen": images_seen(stages, config),
        "status": failure.status if failure else DONE,
        "reason": failure.reason if failure else None,
        "log_tail": list(failure.log_tail) if failure else [],
        **scores.tables,
        "test_groups": scores.test_groups,
        "config": config,
        "notes": notes,
        "stages": stages,
        "cost": _cost(counted_stages),
        "provenance": {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())},
    }


def comparable(record: Mapping[str, Any]) -> dict[str, Any]:
    """The deterministic part of a record: equal for every run of its cell on one kind of machine."""
    constant = {name: value for name, value in record.items() if name not in VOLATILE}
    return constant | {"stages": {role: stage["key"] for role, stage in record["stages"].items()}}


def record_path(results: Path, cell_id: str) -> Path:
    """Where the record of a cell lies."""
    return results / "records" / f"{cell_id}.json"


def write_record(results: Path, record: dict[str, Any]) -> dict[str, Any]:
    """Store a record, with the values of metrics that only the stored one has; an equal one is left as it is.

    Returns:
        The record that lies there now.
    """
    path = record_path(results, record["cell"])
    stored, _ = read_record(path)
    if stored is not None:
        record = add_stored_scores(record, stored)
        # a repeated run must not touch the files of a published folder
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
        record, problem = read_record(path)
        if record is not None:
            records.append(record)
        if problem:
            problems.append(printable(f"{path}: {problem}"))
    return records, problems


def read_folders(folders: Sequence[Path]) -> tuple[list[dict[str, Any]], list[str]]:
    """All records of some results folders, as `read_records` gives them; a cell that several have, from the first."""
    records: dict[str, dict[str, Any]] = {}
    problems = []
    for folder in folders:
        found, problems_of_folder = read_records(folder)
        problems += problems_of_folder
        known = [record for record in found if record["cell"] in records]
        if known:
            cells = f"{known[0]['cell']}{' and others' if len(known) > 1 else ''}"
            problems.append(printable(f"{folder}: {cells} left out, as a folder before it has them too"))
        records |= {record["cell"]: record for record in found if record["cell"] not in records}
    return list(records.values()), problems


def read_record(path: Path) -> tuple[dict[str, Any] | None, str | None]:
    """The record of a file in the form of the current schema, or None and one line that says what to do."""
    try:
        stored = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:  # too deeply nested is a RecursionError
        return None, f"expected a record, but it cannot be read ({error}); {REPAIR}"
    if problem := problem_of(stored):
        return None, problem
    record = schema_2_from_1(stored) if stored["schema"] == 1 else stored
    return record, None


def problem_of(record: Any) -> str | None:
    """Why a JSON value is no record that this version reads, with what to do about it; None for one that is."""
    if not isinstance(record, dict):
        return f"expected a record (a JSON object), but it holds {record!r:.40}; {REPAIR}"
    schema = record.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool):  # True is an int, and equal to schema 1
        return f"expected a record of schema {SCHEMA}, but it has {schema!r:.40}; {REPAIR}"
    if schema > SCHEMA:
        return f"written by a newer bench (schema {schema!r:.20}, this one reads up to {SCHEMA}); upgrade bench"
    if schema not in MODELS:
        return f"expected a record of schema {SCHEMA}, but it has {schema!r:.40}; {REPAIR}"
    try:
        validate(MODELS[schema], record, lambda location: ".".join(location))
    except UsageError as error:
        return f"not a valid record: {shorten(str(error), 200, placeholder=' ...')}; {REPAIR}"
    if record["status"] not in STATUSES:
        return f"status must be one of {', '.join(STATUSES)}, but is '{record['status']}'; {REPAIR}"
    return None


def _counts_as_cost(role: Role) -> bool:
    """Whether a stage is part of a cell's cost: trainings and their use are, measuring is not."""
    return not STAGE_KINDS[role.kind].scores and role not in (*METRICS_SEGMENTERS, PREDICT_SOURCE)


def _drop_malformed_facts(stages: Mapping[str, Record]) -> list[str]:
    """Remove the known facts that have the wrong type, as a plugin reported them; one line for each."""
    notes = []
    for role, stage in stages.items():
        for name, problem in _malformed_fields(Facts, stage["facts"]):
            del stage["facts"][name]
            notes.append(f"{role}: fact {problem}; it was left out")
    return notes


def _drop_malformed_details(details: dict[str, Any]) -> list[str]:
    """Remove the known details that have the wrong type, as a metric gave them; one line for each."""
    notes = []
    for metric, table in list(details.items()):
        if not isinstance(table, dict):
            del details[metric]
            notes.append(f"metric '{metric}': details must be a table, but are {table!r:.40}; they were left out")
            continue
        for name, problem in _malformed_fields(Details, table):
            del table[name]
            notes.append(f"metric '{metric}': detail {problem}; it was left out")
    return notes


def _malformed_fields(model: type[BaseModel], values: Record) -> list[tuple[str, str]]:
    """The fields of a model that a table has with a wrong type, each with what is wrong."""
    found = []
    for name in model.model_fields:
        # one field at a time, so that the error is about this one
        table = {name: values[name]} if name in values else {}
        try:
            validate(model, table, lambda location: ".".join(location))
        except UsageError as error:
            found.append((name, shorten(str(error), 200, placeholder=" ...")))
    return found


def _stage(kind: str, key: str, store: Store) -> dict[str, Any]:
    folder = store.stage(kind, key)
    result = folder.result()
    pictures = sorted((folder.path / PICTURES).glob("*.png"))
    picture_names = [picture.relative_to(store.results).as_posix() for picture in pictures]
    scalars = {"last_scalars": last_scalars(folder.path)} if STAGE_KINDS[kind].trains else {}
    return {
        "key": key,
        **scalars,
        "seconds": result.get("seconds"),
        "device": result.get("device"),
        "precision": result.get("precision"),
        "facts": dict(result.get("facts", {})),
        "provenance": result.get("provenance"),
        "pictures": picture_names,
    }


def _cost(stages: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """What the stages of a cell took; one that several cells share counts in each, what only measures in none."""
    peaks = [stage["facts"].get("peak_memory_bytes", 0) for stage in stages.values()]
    seconds = {kind: stage["seconds"] for kind, stage in stages.items() if stage["seconds"] is not None}
    return {"seconds": sum(seconds.values()), "peak_memory_bytes": max(peaks, default=0)}


def _plugin_of(plugins: tuple[PluginConfig, ...], alias: str) -> dict[str, Any]:
    return next(_plugin_entry(plugin) for plugin in plugins if plugin.alias == alias)


def _plugin_entry(plugin: PluginConfig) -> dict[str, Any]:
    entry = asdict(plugin)
    runtime_options = entry.pop("runtime_options")  # they do not affect results, and may hold paths of this machine
    entry["options"] = {name: value for name, value in plugin.options.items() if name not in runtime_options}
    del entry["further_needs"]  # they follow from the options
    for name, usual in (("family", ""), ("output", "target")):
        if entry[name] == usual:  # records from before these fields were there have none of them either
            del entry[name]
    # lists, as the JSON file holds them: records are compared before and after they were read
    return {name: list(value) if isinstance(value, tuple) else value for name, value in entry.items()}
