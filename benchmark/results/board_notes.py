"""What a board says beside its numbers: how rows differ, what is missing and why, what must not be compared."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchmark.plan.stage_kinds import SOURCE_SEGMENTER
from benchmark.results.board import NOT_MEASURED, NOTHING_TRANSLATED, ROLES, TRANSLATION, Record, Row
from benchmark.results.records import DONE


def deciding_scenario(record: Record) -> dict[str, Any]:
    """Its scenario as far as it decides results; older records do not say which split is scored."""
    stored = {"score_translations": "train", **record["config"]["scenario"]}
    return {key: value for key, value in stored.items() if key not in ("summary", "evaluate")}


def why_missing(record: Record, name: str) -> str:
    """Why a finished cell has no number for a metric."""
    if name in record["metrics"]:
        return f"{record['metrics'][name]} is not a finite number"
    if reason := record.get("missing", {}).get(name):
        return str(reason)
    if record["translator"] in ROLES and name in TRANSLATION:
        return NOTHING_TRANSLATED
    return NOT_MEASURED


def joined_reasons(by_seed: Mapping[int, str]) -> str:
    """Reasons of several seeds in one line, equal ones said once."""
    seeds: dict[str, list[int]] = defaultdict(list)
    for seed, reason in sorted(by_seed.items()):
        seeds[reason].append(seed)
    if len(seeds) == 1:
        return next(iter(seeds))
    return "; ".join(f"seed {', '.join(map(str, which))}: {reason}" for reason, which in seeds.items())


def failure_reasons(records: Sequence[Record], wanted: Sequence[int]) -> dict[int, str]:
    """Status and reason of each wanted seed that is not done."""
    known = {
        record["seed"]: f"{record['status']}: {record.get('reason') or 'no reason recorded'}"
        for record in records
        if record["status"] != DONE
    }
    seen = {record["seed"] for record in records}
    return dict(sorted((known | {seed: "not run" for seed in wanted if seed not in seen}).items()))


def label_differences(rows: Sequence[Row], records: Sequence[Record]) -> list[Row]:
    """Says, for rows of equal labels, in which options they differ."""
    configs = {record["config_key"]: _telling(record) for record in records}
    alike: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        alike[row.translator, row.segmenter].append(row.config_key)
    differences: dict[str, str] = {}
    for keys in alike.values():
        if len(keys) > 1:
            differences |= _differences({key: _flat(configs[key] | {"metrics": ""}) for key in keys})
    return [replace(row, differs=differences.get(row.config_key, "")) for row in rows]


def _telling(record: Record) -> dict[str, Any]:
    """The configuration as far as it decides on a cell: the auxiliary segmenter does where it taught the translator."""
    kept = dict(record["config"])
    if SOURCE_SEGMENTER not in record["stages"]:
        kept.pop("auxiliary_segmenter", None)
    return kept | {"scenario": deciding_scenario(record)}


def _differences(options: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """For each configuration, the options that others have otherwise; its key where none is known to differ."""
    names = dict.fromkeys(name for ours in options.values() for name in ours)
    apart = [name for name in names if len({ours.get(name) for ours in options.values()}) > 1]
    return {
        key: ", ".join(f"{name}={ours[name]}" for name in apart if name in ours) or f"configuration {key[:8]}"
        for key, ours in options.items()
    }


def _flat(value: Any, prefix: str = "") -> dict[str, str]:
    """Nested tables as dotted names; `options` is left out of them, as users do not type it."""
    if not isinstance(value, Mapping):
        return {prefix: value if isinstance(value, str) else json.dumps(value)}
    parts = ((prefix if key == "options" else f"{prefix}.{key}".strip("."), child) for key, child in value.items())
    return {name: text for path, child in parts for name, text in _flat(child, path).items()}


def board_warnings(records: Sequence[Record]) -> list[str]:
    """What metrics say about their numbers, and which were not measured alike.

    FID, for one, depends on how many images it is taken over, on the reference set and on the extractor.
    """
    lines: dict[str, None] = {}
    conditions: dict[str, dict[str, None]] = defaultdict(dict)
    for record in records:
        for section, details in record.get("details", {}).items():
            if "note" in details:
                lines[f"{section}: {details['note']}"] = None
            if "conditions" in details:
                conditions[section][_conditions(details["conditions"])] = None
    apart = [
        f"{section} was not measured alike in all rows and must not be compared: {' | '.join(kinds)}"
        for section, kinds in conditions.items()
        if len(kinds) > 1
    ]
    return [*lines, *apart, *_trained_unlike(records)]


def _trained_unlike(records: Sequence[Record]) -> list[str]:
    """What "auto" came to may differ from machine to machine, and with it the numbers."""
    fits = [stage for record in records for kind, stage in record["stages"].items() if kind.startswith("fit-")]
    ways = sorted({f"{fit['precision']} on {fit['device']}" for fit in fits if fit.get("device")})
    return [f"trainings were not computed alike: {', '.join(ways)}"] if len(ways) > 1 else []


def _conditions(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(values.items()))
