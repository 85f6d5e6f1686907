"""What a run of a plan would do with each stage, as the results folder is now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from benchmark.plan.model import Cell, Plan, Stage, needed
from benchmark.results.records import INVALID
from benchmark.store.stage_folder import StageFolder
from benchmark.store.store import Store

Reuse = Literal["only-missing", "never", "always", "only-cache"]
Retry = Literal["interrupted", "failed"]
State = Literal["cached", "failed", "running", "resumable", "to-run", "blocked", "not-needed"]
TRIED_AGAIN = ("interrupted", INVALID)
"""Failures that say nothing about the stage: it was ended from outside, or what it needs was not there."""


def stage_states(
    plan: Plan, store: Store, *, reuse: Reuse = "only-missing", retry: Retry = "interrupted"
) -> dict[str, State]:
    """What a run of the plan would do with each stage, by key; nothing is changed.

    "blocked" stages wait for one that failed before and is not tried again; "not-needed" ones are absent, but
    everything that would read them is there.
    """
    done = {key: reuse != "never" and folder_of(store, stage).finished() for key, stage in plan.stages.items()}
    wanted = set(needed(plan.stages, score_keys(plan.cells), done))
    states: dict[str, State] = {}
    for key, stage in plan.stages.items():
        if done[key]:
            states[key] = "cached"
        elif key not in wanted:
            states[key] = "not-needed"
        elif any(states[source] in ("failed", "blocked") for source in stage.inputs.values()):
            states[key] = "blocked"
        else:
            states[key] = _state_of_missing(store, stage, reuse, retry)
    return states


def folder_of(store: Store, stage: Stage) -> StageFolder:
    """Where a stage of a plan lies in a results folder."""
    return store.stage(stage.kind, stage.key)


def score_keys(cells: Iterable[Cell]) -> Iterator[str]:
    """Keys of the stages that make the numbers of some cells."""
    return (key for cell in cells for key in cell.goals)


def _state_of_missing(store: Store, stage: Stage, reuse: Reuse, retry: Retry) -> State:
    folder = folder_of(store, stage)
    if folder.holder() is not None:
        return "running"
    failure = store.failure(stage.key)
    kept = failure is not None and (failure.status not in TRIED_AGAIN or reuse == "always")
    if kept and retry != "failed" and reuse != "never":
        return "failed"
    return "resumable" if folder.resumable() and reuse != "never" else "to-run"
