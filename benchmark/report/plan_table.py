"""A plan as a table: what is there already, what will run, and how often each translator is trained."""

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
    serves, about = stage_rows(plan), subjects(plan)
    rows = tuple(
        (
            STAGE_KINDS[stage.kind].title,
            about[stage.key],
            serves[stage.key] or EMPTY,
            EMPTY if stage.seed is None else str(stage.seed),
            states[stage.key],
            stage.key[:8],
        )
        for stage in plan.stages.values()
    )
    cells, stages = count_of(len(plan.cells), "cell"), count_of(len(plan.stages), "stage")
    return TextTable(
        title=f"{cells}, {stages}, budget {plan.matrix.budget}",
        headings=("stage", "plugin", "on", "seed", "state", "key"),
        rows=rows,
        fixed=3,
        dim=frozenset(index for index, row in enumerate(rows) if row[4] == "cached"),
        notes=(_sums(states), *_trainings(plan, states), *_left_out(plan)),
    )


def _sums(states: Mapping[str, str]) -> str:
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
    return [
        f"{name}: {count_of(len(keys), 'training')}{_length(plan, keys)} for {count_of(cells[name], 'cell')}, "
        f"{sum(states[key] == 'cached' for key in keys)} cached"
        for name, keys in fits.items()
    ]


def _length(plan: Plan, trainings: set[str]) -> str:
    options = [plan.stages[key].spec["translator"]["options"] for key in trainings]
    lengths = sorted({option["images_seen"] for option in options if "images_seen" in option})
    return f" of {' or '.join(f'{length:,}' for length in lengths)} images" if lengths else ""


def _left_out(plan: Plan) -> list[str]:
    reasons: Counter[str] = Counter(reason for cell in plan.cells if (reason := cell.skipped or cell.invalid))
    return [f"{count_of(count, 'cell')} left out: {reason}" for reason, count in reasons.items()]
