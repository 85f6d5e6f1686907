"""What a run of a plan would do with each stage, as the results folder is now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from benchmark.plan.model import Cell, Plan, Stage, stages_to_run
from benchmark.registry.code import changed_code
from benchmark.results.records import INVALID
from benchmark.store.stage_folder import StageFolder
from benchmark.store.store import Failure, Store

Reuse = Literal["only-missing", "same-code", "never", "always", "only-cache"]
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
    discarded = discarded_stages(plan, store, reuse)
    done = {}
    for key, stage in plan.stages.items():
        done[key] = key not in discarded and folder_of(store, stage).finished()
    wanted = set(stages_to_run(plan.stages, score_keys(plan.cells), done))
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


def discarded_stages(plan: Plan, store: Store, reuse: Reuse) -> set[str]:
    """Keys of the stages that are to run again although they may be finished.

    With "same-code" they are those that other code than today's has run, and all that read these.
    """
    if reuse == "never":
        return set(plan.stages)
    discarded: set[str] = set()
    if reuse == "same-code":
        for key, stage in plan.stages.items():
            if not discarded.isdisjoint(stage.inputs.values()) or other_code(store, stage):
                discarded.add(key)
    return discarded


def other_code(store: Store, stage: Stage) -> tuple[str, ...]:
    """Packages whose code has changed since a stage was run; empty where it is not known."""
    provenance = folder_of(store, stage).result().get("provenance")
    code = provenance.get("code") if isinstance(provenance, dict) else None
    return changed_code(code, stage.code) if isinstance(code, dict) else ()


def folder_of(store: Store, stage: Stage) -> StageFolder:
    """Where a stage of a plan lies in a results folder."""
    return store.stage(stage.kind, stage.key)


def score_keys(cells: Iterable[Cell]) -> Iterator[str]:
    """Keys of the stages that make the numbers of some cells."""
    for cell in cells:
        yield from cell.goals


def is_tried_again(failure: Failure, stage: Stage, reuse: Reuse, retry: Retry) -> bool:
    """Whether a failed stage runs again: its failure had an outside cause, its code has changed, or all are retried.

    A failure that was stored without digests of code counts as one of today's code.
    """
    if retry == "failed" or reuse == "never":
        return True
    if reuse == "always":
        return False
    return failure.status in TRIED_AGAIN or bool(changed_code(failure.code, stage.code))


def _state_of_missing(store: Store, stage: Stage, reuse: Reuse, retry: Retry) -> State:
    folder = folder_of(store, stage)
    if folder.holder() is not None:
        return "running"
    failure = store.failure(stage.key)
    if failure is not None and not is_tried_again(failure, stage, reuse, retry):
        return "failed"
    return "resumable" if folder.resumable() and reuse != "never" else "to-run"
