"""Lines of text beside a board's numbers: how rows differ, what is missing and why, what must not be compared."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchmark.plan.stage_kinds import SOURCE_SEGMENTER
from benchmark.results.board import NOT_MEASURED, NOTHING_TRANSLATED, Record, Row
from benchmark.results.image_counts import has_unused_counts
from benchmark.results.record_fields import role_of, seed_pair
from benchmark.results.records import DONE
from benchmark.results.seed_pairs import SeedPair, labels

DIGITS = 8
"""So much of a digest is printed."""
NAMED_ROWS = 4
"""More rows than this are counted instead of named."""
MACHINE = {
    "platform": "platforms",
    "cpu": "processors",
    "gpu": "GPUs",
    "python": "versions of python",
    "torch": "versions of torch",
    "threads": "numbers of threads",
}
"""Fields of a stage's provenance that may change the last bits of a training, and how they are named."""


def deciding_scenario(record: Record) -> dict[str, Any]:
    """The scenario of a record without what does not affect results."""
    stored = {"score_translations": "train", **record["config"]["scenario"]}
    return {key: value for key, value in stored.items() if key not in ("summary", "evaluate")}


def why_missing(record: Record, name: str, measures: str) -> str:
    """Why a finished cell has no number for a value.

    Args:
        record: The cell.
        name: The value.
        measures: "translation" for a value of translated images, which control rows have none of.
    """
    if name in record["metrics"]:
        return f"{record['metrics'][name]} is not a finite number"
    if reason := record["missing"].get(name):
        return str(reason)
    if role_of(record) and measures == "translation":
        return NOTHING_TRANSLATED
    return NOT_MEASURED


def joined_reasons(by_seeds: Mapping[SeedPair, str]) -> str:
    """Reasons of several cells in one line, equal ones once."""
    pairs: dict[str, list[SeedPair]] = defaultdict(list)
    for pair, reason in sorted(by_seeds.items()):
        pairs[reason].append(pair)
    if len(pairs) == 1:
        return next(iter(pairs))
    return "; ".join(f"seed {labels(which)}: {reason}" for reason, which in pairs.items())


def failure_reasons(records: Sequence[Record], wanted: Sequence[SeedPair]) -> dict[SeedPair, str]:
    """Status and reason of each wanted cell that is not done."""
    reasons = dict.fromkeys(wanted, "not run")
    for record in records:
        pair = seed_pair(record)
        if record["status"] == DONE:
            reasons.pop(pair, None)
        else:
            reasons[pair] = f"{record['status']}: {record.get('reason') or 'no reason recorded'}"
    return dict(sorted(reasons.items()))


def label_differences(rows: Sequence[Row], records: Sequence[Record]) -> list[Row]:
    """The rows, `differs` set to the options in which rows of the same aliases differ."""
    # records are sorted by time, so that the last one of a configuration is its newest
    newest = {record["config_key"]: record for record in records}
    same_aliases: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        same_aliases[row.translator, row.segmenter].append(row.config_key)
    differences: dict[str, str] = {}
    for keys in same_aliases.values():
        if len(keys) > 1:
            options = {key: dict(_dotted_items(identifying_config(newest[key]))) for key in keys}
            differences |= _differences(options)
    return [replace(row, differs=differences.get(row.config_key, "")) for row in rows]


def identifying_config(record: Record) -> dict[str, Any]:
    """The configuration of a record without what does not affect its cell, with the data and the budget's contents."""
    config = {name: part for name, part in record["config"].items() if name != "metrics"}
    for kind in ("translator", "segmenter"):  # which options a budget sets says nothing that their values do not
        config[kind] = {name: part for name, part in config[kind].items() if name != "off_budget"}
    if SOURCE_SEGMENTER not in record["stages"]:  # then it served metrics alone
        config.pop("auxiliary_segmenter", None)
    extra = {"data": record["data"], "budget": {"digest": record["budget"]["digest"]}}
    return config | {"scenario": deciding_scenario(record)} | extra


def _differences(options: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """For each configuration, the options in which it differs from others; its key where none is known to differ."""
    names: dict[str, None] = {}
    for own in options.values():
        names |= dict.fromkeys(own)
    differing = []
    for name in names:
        values = {own.get(name) for own in options.values()}
        if len(values) > 1:
            differing.append(name)
    texts = {}
    for key, own in options.items():
        parts = [f"{name}={own[name]}" for name in differing if name in own]
        texts[key] = ", ".join(parts) or f"configuration {key[:DIGITS]}"
    return texts


def _dotted_items(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested tables as dotted names with JSON texts; `options` is left out of them, as users do not type it."""
    if not isinstance(value, Mapping):
        yield prefix, value if isinstance(value, str) else json.dumps(value)
        return
    for key, child in value.items():
        path = prefix if key == "options" else f"{prefix}.{key}".strip(".")
        yield from _dotted_items(child, path)


def board_warnings(records: Sequence[Record]) -> list[str]:
    """What must be known before rows are compared.

    Notes of metrics, values measured under other conditions (FID, for one, depends on the number of images, the
    reference set and the extractor), trainings of other length, code or machines, and what records do not know.
    """
    done = [record for record in records if record["status"] == DONE]
    return [
        *_metric_notes(records),
        *_condition_differences(records),
        *_off_budget_options(done),
        *_length_differences(done),
        *_computation_differences(done),
        *_unused_counts(done),
        *_unrecorded_facts(done),
    ]


def _metric_notes(records: Sequence[Record]) -> list[str]:
    lines: dict[str, None] = {}  # a dict is a set that keeps its order: cells of one row often give the same note
    for record in records:
        for metric, details in record["details"].items():
            if "note" in details:
                lines[f"{metric}: {details['note']}"] = None
        for note in record.get("notes", ()):
            lines[f"{_alias(record)}: {note}"] = None
    return list(lines)


def _condition_differences(records: Sequence[Record]) -> list[str]:
    conditions: dict[str, dict[str, None]] = defaultdict(dict)
    for record in records:
        for metric, details in record["details"].items():
            if "conditions" in details:
                conditions[metric][_conditions_text(details["conditions"])] = None
    return [
        f"{metric} was not measured alike in all rows and must not be compared: {' | '.join(kinds)}"
        for metric, kinds in conditions.items()
        if len(kinds) > 1
    ]


def _conditions_text(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(values.items()))


def _off_budget_options(done: Sequence[Record]) -> list[str]:
    """Options of rows that a matrix file or `--set` gave another value than the budget has."""
    rows: dict[str, dict[str, None]] = defaultdict(dict)
    for record in done:
        for kind in ("translator", "segmenter"):
            plugin = record["config"][kind]
            for option in plugin.get("off_budget", ()):
                alias = plugin.get("alias", plugin["name"])
                rows[f"{alias}.{option}"][_alias(record)] = None
    if not rows:
        return []
    parts = [f"{option} ({_rows_text(list(names))})" for option, names in rows.items()]
    return [f"set to other values than those of the budget: {', '.join(parts)}"]


def _length_differences(done: Sequence[Record]) -> list[str]:
    """Whether trainings saw other numbers of images, which no fair comparison allows."""
    lines = []
    for plugin in ("translator", "segmenter"):
        known = []
        for record in done:
            images = record["images_seen"].get(plugin)
            if images is not None:
                known.append((f"{images:,}", _alias(record)))
        lines += _line_if_several(f"trainings of {plugin}s saw different numbers of images", known)
    return lines


def _computation_differences(done: Sequence[Record]) -> list[str]:
    """Whether trainings ran on different devices, machines or code; "auto" differs from machine to machine."""
    devices: set[str] = set()
    known: list[tuple[Record, str]] = []
    for record in done:
        for role, fit in record["stages"].items():
            if not role.startswith("fit-"):
                continue
            if fit.get("device"):
                devices.add(f"{fit['precision']} on {fit['device']}")
            if fit.get("provenance"):
                known.append((fit["provenance"], _alias(record)))
    lines = []
    if len(devices) > 1:
        lines.append(f"trainings were not computed alike: {', '.join(sorted(devices))}")
    lines += _code_differences(known)
    for field, noun in MACHINE.items():
        values = [(str(provenance[field]), alias) for provenance, alias in known if provenance.get(field) is not None]
        lines += _line_if_several(f"trainings ran with different {noun}", values)
    return lines


def _code_differences(known: Sequence[tuple[Record, str]]) -> list[str]:
    """Whether packages had other contents; the revision counts only where contents are not known."""
    versions: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for provenance, name in known:
        code = provenance.get("code")
        digests = code if isinstance(code, Mapping) else {}
        for package, digest in digests.items():
            versions[package].append((str(digest)[:DIGITS], name))
        if not digests and provenance.get("git"):
            versions["bench at revision"].append((_revision(provenance), name))
    lines = []
    for package, found in sorted(versions.items()):
        lines += _line_if_several(f"trainings were made by different code: {package}", found)
    return lines


def _revision(provenance: Record) -> str:
    return str(provenance["git"]) + (" with changes" if provenance.get("dirty") else "")


def _unused_counts(done: Sequence[Record]) -> list[str]:
    """Rows whose counts of single images do not fit their mIoU or their groups of images."""
    rows = list(dict.fromkeys(_alias(record) for record in done if has_unused_counts(record)))
    if not rows:
        return []
    return [
        "counts of single test images are of another mIoU or number of images than the record says, and were not "
        f"used: {_rows_text(rows)}"
    ]


def _unrecorded_facts(done: Sequence[Record]) -> list[str]:
    """What old records do not contain, so that it could not be compared."""
    missing: dict[str, set[str]] = defaultdict(set)
    for record in done:
        fits = [stage for role, stage in record["stages"].items() if role.startswith("fit-")]
        if record["budget"]["digest"] is None:
            missing["what the budget sets"].add(record["cell"])
        if record["data"] is None:
            missing["the fingerprints of the data"].add(record["cell"])
        if any(fit.get("provenance") is None for fit in fits):
            missing["the code of the trainings"].add(record["cell"])
    if not missing:
        return []
    cells = set().union(*missing.values())
    return [
        f"{len(cells)} of {len(done)} cells do not record {', '.join(missing)}: "
        "these were compared by name, or not at all"
    ]


def _line_if_several(what: str, values: Iterable[tuple[str, str]]) -> list[str]:
    """One line with the rows of each value, where there are several values."""
    rows: dict[str, dict[str, None]] = defaultdict(dict)
    for value, row in values:
        rows[value][row] = None
    if len(rows) < 2:
        return []
    parts = [f"{value} ({_rows_text(list(names))})" for value, names in rows.items()]
    return [f"{what}: {'; '.join(parts)}"]


def _rows_text(names: Sequence[str]) -> str:
    if len(names) <= NAMED_ROWS:
        return ", ".join(names)
    return f"{', '.join(names[: NAMED_ROWS - 1])} and {len(names) - NAMED_ROWS + 1} more"


def _alias(record: Record) -> str:
    return str(record["translator"])
