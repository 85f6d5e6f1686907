"""Adds to a new record of a cell what only the stored one has: a run with other metrics takes no value away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.plan.stage_kinds import METRICS_SEGMENTERS, STAGE_KINDS, Role

Record = Mapping[str, Any]


def add_stored_scores(record: dict[str, Any], stored: Record) -> dict[str, Any]:
    """A record with the metrics of the stored record of its cell that it has no number for.

    A metric that both measured counts as the new record has it. One that only the stored record measured stays, as
    long as it was measured on the work of the same trainings; so does one whose options changed, if the new record
    has only a reason for it, and one that was interrupted this time.

    Args:
        record: The new one.
        stored: The one it is about to replace, of the same cell.
    """
    if {record["status"], stored["status"]} != {"done"} or not _same_work(record, stored):
        return record
    # copies, as the tables of the given record stay as they are
    tables = {name: dict(record[name]) for name in ("metrics", "missing", "details", "values", "stages")}
    merged = {**record, **tables}
    merged["test_groups"] = record.get("test_groups") or stored.get("test_groups")
    configs = {config["alias"]: config for config in record["config"]["metrics"]}
    stored_configs = {config.get("alias"): config for config in stored["config"].get("metrics", [])}
    for text, stage in stored["stages"].items():
        role = Role.parse(text)
        if not _is_score(role) or not _stored_is_better(role, stage, record) or role.purpose not in stored_configs:
            continue
        config = stored_configs[role.purpose]
        # the new record's reasons for these values are replaced by the stored numbers
        new_names = record["stages"].get(role, {}).get("values", ())
        for name in new_names:
            merged["missing"].pop(name, None)
        configs[role.purpose] = config
        merged["stages"][role] = dict(stage)
        for section in ("metrics", "missing", "values"):
            found = {name: stored[section][name] for name in stage.get("values", ()) if name in stored[section]}
            merged[section] |= found
        for section in stage.get("details", ()):
            merged["details"][section] = stored["details"][section]
    merged["config"] = {**record["config"], "metrics": list(configs.values())}
    # a score that was taken over may depend on this training, so the record must go on naming it
    for role in METRICS_SEGMENTERS:
        if role not in stored["stages"] or role in record["stages"]:
            continue
        merged["stages"][role] = stored["stages"][role]
        auxiliary = stored["config"].get("auxiliary_segmenter")
        if auxiliary:
            merged["config"]["auxiliary_segmenter"] = auxiliary
    return merged


def _is_score(role: Role) -> bool:
    # a stored record may name kinds of stages that this version does not have
    return role.kind in STAGE_KINDS and STAGE_KINDS[role.kind].scores


def _same_work(record: Record, stored: Record) -> bool:
    """Whether what was measured is the same: all stages that both have, but for the scores and what these need."""
    shared = set(record["stages"]) & set(stored["stages"])
    own = [role for role in shared if not _is_score(Role.parse(role)) and role not in METRICS_SEGMENTERS]
    keys = [(record["stages"][role]["key"], stored["stages"][role]["key"]) for role in own]
    return bool(keys) and all(new == old for new, old in keys)


def _stored_is_better(role: Role, stage: Record, record: Record) -> bool:
    """Whether the new record has nothing better than what a stored score stage gave."""
    if role not in record["stages"]:
        return True
    new = record["stages"][role]
    if new["key"] == stage["key"]:  # the same measurement again: an interruption says nothing about it
        return bool(new.get("failure", {}).get("status") == "interrupted")
    return not any(name in record["metrics"] for name in new.get("values", ()))
