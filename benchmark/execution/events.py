"""Events of a running plan, and listeners that are called at them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.execution.states import State, folder_of
from benchmark.plan.model import Plan, Stage
from benchmark.registry.hook_relay import HookRelay
from benchmark.registry.import_string import one_line
from benchmark.results.records import DONE, SKIPPED
from benchmark.store.store import Store

log = logging.getLogger("bench")


@dataclass(frozen=True)
class Summary:
    """How a run of a plan ended.

    Attributes:
        cells: Number of cells by status.
        stages_run: Stages that were done in this run.
        stages_reused: Stages that were there already and of use.
        seconds: Duration.
    """

    cells: Mapping[str, int]
    stages_run: int
    stages_reused: int
    seconds: float

    @property
    def failed(self) -> int:
        """Cells that were to run and are not done."""
        return sum(count for status, count in self.cells.items() if status not in (DONE, SKIPPED))


class Listener:
    """Methods that the driver calls, in its process, at the events of a run; each does nothing unless overridden."""

    def plan_ready(self, plan: Plan, states: Mapping[str, State]) -> None:
        """Called once before anything runs."""

    def other_code_found(self, changes: Mapping[str, Sequence[str]]) -> None:
        """Called once before anything runs, with the packages that changed since reused stages were run, by key."""

    def stage_started(self, stage: Stage) -> None:
        """A stage was handed to the executor."""

    def stage_progress(self, stage: Stage, progress: Mapping[str, Any]) -> None:
        """A running stage reported `done`, `total`, `unit` and its latest scalars."""

    def stage_finished(self, stage: Stage, seconds: float) -> None:
        """A stage is done, here or by another driver; `seconds` it took."""

    def stage_failed(self, stage: Stage, status: str, reason: str) -> None:
        """A stage failed."""

    def cell_finished(self, record: Mapping[str, Any]) -> None:
        """A cell is decided."""

    def finished(self, summary: Summary) -> None:
        """Called once after all cells."""


class HookListener(Listener):
    """Calls the hooks of `benchmark.api.hookspecs`.

    Args:
        hooks: The hooks of all plugins.
        store: The results folder of the run.
    """

    def __init__(self, hooks: HookRelay, store: Store) -> None:
        self._hooks = hooks
        self._store = store

    def plan_ready(self, plan: Plan, states: Mapping[str, State]) -> None:
        """`bench_run_started`."""
        stages = sum(state not in ("cached", "not-needed") for state in states.values())
        self._hooks.bench_run_started(results=self._store.results, cells=len(plan.cells), stages=stages)

    def stage_started(self, stage: Stage) -> None:
        """`bench_stage_started`."""
        self._hooks.bench_stage_started(**_stage_arguments(stage))

    def stage_progress(self, stage: Stage, progress: Mapping[str, Any]) -> None:
        """`bench_log`."""
        self._hooks.bench_log(key=stage.key, progress=progress)

    def stage_finished(self, stage: Stage, seconds: float) -> None:
        """`bench_stage_finished`."""
        folder = folder_of(self._store, stage).path
        self._hooks.bench_stage_finished(**_stage_arguments(stage), seconds=seconds, folder=folder)

    def stage_failed(self, stage: Stage, status: str, reason: str) -> None:
        """`bench_stage_failed`."""
        self._hooks.bench_stage_failed(**_stage_arguments(stage), status=status, reason=reason)

    def finished(self, summary: Summary) -> None:
        """`bench_run_finished`."""
        self._hooks.bench_run_finished(results=self._store.results, failed=summary.failed)


class Listeners(Listener):
    """Several listeners as one; one that raises is reported, and neither the run nor the other listeners end by it."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners
        self._reported: set[tuple[str, str]] = set()

    def plan_ready(self, plan: Plan, states: Mapping[str, State]) -> None:
        """To all."""
        self._call("plan_ready", plan, states)

    def other_code_found(self, changes: Mapping[str, Sequence[str]]) -> None:
        """To all."""
        self._call("other_code_found", changes)

    def stage_started(self, stage: Stage) -> None:
        """To all."""
        self._call("stage_started", stage)

    def stage_progress(self, stage: Stage, progress: Mapping[str, Any]) -> None:
        """To all."""
        self._call("stage_progress", stage, progress)

    def stage_finished(self, stage: Stage, seconds: float) -> None:
        """To all."""
        self._call("stage_finished", stage, seconds)

    def stage_failed(self, stage: Stage, status: str, reason: str) -> None:
        """To all."""
        self._call("stage_failed", stage, status, reason)

    def cell_finished(self, record: Mapping[str, Any]) -> None:
        """To all."""
        self._call("cell_finished", record)

    def finished(self, summary: Summary) -> None:
        """To all."""
        self._call("finished", summary)

    def _call(self, event: str, *arguments: Any) -> None:
        for listener in self._listeners:
            try:
                getattr(listener, event)(*arguments)
            except (Exception, SystemExit) as error:  # a display or a third party's code must not end a long run
                self._report(type(listener).__name__, event, error)

    def _report(self, listener: str, event: str, error: BaseException) -> None:
        if (listener, event) not in self._reported:  # once: progress comes four times a second
            self._reported.add((listener, event))
            log.warning("%s.%s failed: %s", listener, event, one_line(error))


def _stage_arguments(stage: Stage) -> dict[str, Any]:
    return {"kind": stage.kind, "key": stage.key, "plugin": stage.plugin, "seed": stage.seed}
