"""A plan as a table: the state of each stage, and how often each translator is trained."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from benchmark.plan.stage_kinds import FIT_TRANSLATOR, STAGE_KINDS, Role
from benchmark.report.stage_labels import count_of, stage_rows, subjects
from benchmark.report.tables import EMPTY, TextTable

if TYPE_CHECKING:
    from benchmark.plan.model import Plan

STATES = ("cached", "to-run", "resumable", "running", "failed", "blocked", "not-needed")


def plan_json(plan: Plan, states: Mapping[str, str]) -> dict[str, Any]:
    """The plan for programs: the documented keys, and for stages also their inputs."""
    cells = [
        {
            "id": cell.id,
            "scenario": cell.scenario,
            "translator": cell.translator,
            "segmenter": cell.segmenter,
            "seed": cell.seed,
            "stages": cell.stages,
            "skipped": cell.skipped or cell.invalid,
        }
        for cell in plan.cells
    ]
    stages = [
        {
            "kind": stage.kind,
            "key": stage.key,
            "plugin": stage.plugin,
            "seed": stage.seed,
            "state": states[stage.key],
            "inputs": stage.inputs,
        }
        for stage in plan.stages.values()
    ]
    return {"cells": cells, "stages": stages}


def plan_grid(plan: Plan, states: Mapping[str, str]) -> TextTable:
    """One line for each stage, in the order of the plan; the sums stand below."""
    row_names, subject_names = stage_rows(plan), subjects(plan)
    rows = []
    for key, stage in plan.stages.items():
        kind = STAGE_KINDS[stage.kind].title
        seed = EMPTY if stage.seed is None else str(stage.seed)
        rows.append((kind, subject_names[key], row_names[key] or EMPTY, seed, states[key], key[:8]))
    cached = frozenset(index for index, key in enumerate(plan.stages) if states[key] == "cached")
    cells = count_of(len(plan.cells), "cell")
    stages = count_of(len(plan.stages), "stage")
    return TextTable(
        title=f"{cells}, {stages}, budget {plan.matrix.budget}",
        headings=("stage", "plugin", "on", "seed", "state", "key"),
        rows=tuple(rows),
        fixed=3,
        dim=cached,
        notes=(_state_counts(states), *_trainings(plan, states), *_reasons_left_out(plan)),
    )


def _state_counts(states: Mapping[str, str]) -> str:
    counts = Counter(states.values())
    return ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])


def _trainings(plan: Plan, states: Mapping[str, str]) -> list[str]:
    """How often each translator is trained, on how many images where its options say so, and for how many cells."""
    cells: Counter[str] = Counter()
    fits: dict[str, set[str]] = defaultdict(set)
    for cell in plan.cells:
        if (key := cell.stages.get(Role(FIT_TRANSLATOR))) is not None:
            cells[cell.translator] += 1
            fits[cell.translator].add(key)
    lines = []
    for name, keys in fits.items():
        cached = sum(states[key] == "cached" for key in keys)
        trainings = f"{count_of(len(keys), 'training')}{_length_text(plan, keys)}"
        lines.append(f"{name}: {trainings} for {count_of(cells[name], 'cell')}, {cached} cached")
    return lines


def _length_text(plan: Plan, trainings: set[str]) -> str:
    """How many images trainings see, as ` of 3,000 images`; empty where they have no such option."""
    options = [plan.stages[key].spec["translator"]["options"] for key in trainings]
    lengths = sorted({option["images_seen"] for option in options if "images_seen" in option})
    numbers = " or ".join(f"{length:,}" for length in lengths)
    return f" of {numbers} images" if lengths else ""


def _reasons_left_out(plan: Plan) -> list[str]:
    """How many cells are skipped or invalid for each reason."""
    reasons: Counter[str] = Counter(reason for cell in plan.cells if (reason := cell.skipped or cell.invalid))
    return [f"{count_of(count, 'cell')} left out: {reason}" for reason, count in reasons.items()]
