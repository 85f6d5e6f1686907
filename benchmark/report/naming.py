"""What people call a stage: its kind and plugin, and the row it serves."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.plan import Plan, Stage


def stage_rows(plan: Plan) -> dict[str, str]:
    """The translator whose row a stage serves, by key; empty where it serves several, or is named after it."""
    users: dict[str, set[str]] = defaultdict(set)
    for cell in plan.cells:
        for key in cell.stages.values():
            users[key].add(cell.translator)
    return {
        key: "".join(users[key]) if len(users[key]) == 1 and stage.plugin not in users[key] else ""
        for key, stage in plan.stages.items()
    }


def stage_names(plan: Plan) -> dict[str, str]:
    """Each stage in one line, by key."""
    rows = stage_rows(plan)
    return {key: _name(stage, rows[key]) for key, stage in plan.stages.items()}


def subject(stage: Stage) -> str:
    """The plugin of a stage; of a data set, with the split."""
    split = stage.spec.get("split")
    return f"{stage.plugin} {split}" if split else stage.plugin


def _name(stage: Stage, row: str) -> str:
    seed = "" if stage.seed is None else f", seed {stage.seed}"
    return f"{stage.kind} {subject(stage)}" + (f" on {row}" if row else "") + seed
