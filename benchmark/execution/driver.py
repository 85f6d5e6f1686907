"""Runs a plan: hands out stages as their inputs come to be, tells what happens, writes a record per cell."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from benchmark.api.executor import Executor, Job, Outcome
from benchmark.config.matrix import Matrix
from benchmark.errors import PluginError
from benchmark.execution.events import Listener, Summary
from benchmark.execution.states import TRIED_AGAIN, Retry, Reuse, State, folder_of, score_keys, stage_states
from benchmark.plan.model import Cell, Plan, Stage, peers
from benchmark.plan.stage_kinds import STAGE_KINDS
from benchmark.registry.registry import SHIPPED, Registry
from benchmark.results.records import INVALID, SKIPPED, make_record, record_path, write_record
from benchmark.store.store import Failure, Store, store_errors

SECONDS_BETWEEN_LOOKS = 0.25


def execute(
    plan: Plan,
    store: Store,
    executor: Executor,
    registry: Registry,
    *,
    reuse: Reuse = "only-missing",
    retry: Retry = "interrupted",
    fail_fast: bool = False,
    listener: Listener | None = None,
) -> Summary:
    """Run what a plan still lacks and write the records of its cells.

    Args:
        plan: The plan.
        store: The results folder; other drivers may work on it at the same time.
        executor: Runs the stages; it is closed at the end, also of an interrupted run.
        registry: Whose hooks are told what happens.
        reuse: "only-missing" runs what is not there; "never" runs everything again; "always" also lets
            interrupted stages be; "only-cache" runs nothing.
        retry: Which recorded failures are tried again; "failed" means all.
        fail_fast: Start nothing more after the first failure.
        listener: Hears of every event.

    Raises:
        StoreError: The results folder cannot be written.
    """
    store.check_writable()
    with executor, store_errors(store.results):
        run = _Run(plan, store, executor, registry, listener or Listener(), fail_fast=fail_fast)
        run.begin(reuse, retry)
        while run.open:
            run.step()
        return run.end()


@dataclass
class _Run:
    """State of one run: every stage is done, failed, running, or still to come."""

    plan: Plan
    store: Store
    executor: Executor
    registry: Registry
    listener: Listener
    fail_fast: bool
    started: float = field(default_factory=time.monotonic)
    done: set[str] = field(default_factory=set)
    failures: dict[str, Failure] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    running: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)
    undecided: list[Cell] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    peers: Mapping[str, int] = field(default_factory=dict)
    preload: tuple[str, ...] = ()
    stages_run: int = 0
    reused: int = 0

    def begin(self, reuse: Reuse, retry: Retry) -> None:
        """Find out what there is to do, and decide the cells for which nothing is."""
        if reuse == "never":
            for stage in self.plan.stages.values():
                folder_of(self.store, stage).discard(only_damaged=False)
        states = self._trustworthy_states(reuse, retry)
        self.done = {key for key, state in states.items() if state == "cached"}
        self.reused = len(self.done)
        self.peers = peers(self.plan)
        self.preload = _shipped_modules(self.plan.matrix, self.registry)
        self.listener.plan_ready(self.plan, states)
        self.undecided = list(self.plan.cells)
        self.waiting = self._by_urgency(key for key, state in states.items() if state not in ("cached", "not-needed"))
        hooks = self.registry.hook
        hooks.bench_run_started(results=self.store.results, cells=len(self.plan.cells), stages=len(self.waiting))
        for key, state in states.items():
            if state == "failed":
                self._fail(key, self.store.failure(key) or Failure("failed", "unknown"), announce=False)
        if reuse == "only-cache":
            self._give_up("not in the results folder, and --reuse only-cache runs nothing")
        self._decide()

    @property
    def open(self) -> bool:
        """Whether anything is still to be done or waited for."""
        return bool(self.waiting or self.running or self.elsewhere)

    def step(self) -> None:
        """Start what can start, then wait a moment for news."""
        for key in [key for key in self.waiting if self.done.issuperset(self.plan.stages[key].inputs.values())]:
            if folder_of(self.store, self.plan.stages[key]).finished():  # by another driver, meanwhile
                self.waiting.remove(key)
                self._finish(key)
            elif self.executor.submit(self._job(self.plan.stages[key])):
                self.waiting.remove(key)
                self._start(key)
        self._ask_others()
        for key, outcome in self.executor.wait(SECONDS_BETWEEN_LOOKS):
            del self.running[key]
            self._take(key, outcome)
        self._tell_progress()
        self._decide()

    def end(self) -> Summary:
        """Sum up."""
        seconds = time.monotonic() - self.started
        summary = Summary(dict(self.statuses), self.stages_run, self.reused, seconds)
        self.listener.finished(summary)
        self.registry.hook.bench_run_finished(results=self.store.results, failed=summary.failed)
        return summary

    def _trustworthy_states(self, reuse: Reuse, retry: Retry) -> dict[str, State]:
        """States after every finished stage that is about to be read, by a stage or a record, matched its hashes."""
        checked: set[str] = set()
        while True:
            states = stage_states(self.plan, self.store, reuse=reuse, retry=retry)
            if reuse == "only-cache":
                return states
            to_run = (stage for key, stage in self.plan.stages.items() if states[key] in ("to-run", "resumable"))
            sources = (source for stage in to_run for source in stage.inputs.values())
            read = {key for key in (*sources, *score_keys(self.plan.cells)) if states[key] == "cached"}
            if read <= checked:
                return states
            for key in read - checked:
                folder = folder_of(self.store, self.plan.stages[key])
                if not folder.intact():
                    folder.discard(only_damaged=True)
            checked |= read

    def _by_urgency(self, keys: Iterable[str]) -> list[str]:
        """Stages of urgent kinds first, then those with the longest chain behind them."""
        behind = dict.fromkeys(self.plan.stages, 0)
        for stage in reversed(self.plan.stages.values()):
            for source in stage.inputs.values():
                behind[source] = max(behind[source], behind[stage.key] + 1)
        urgent = {key: STAGE_KINDS[stage.kind].urgent for key, stage in self.plan.stages.items()}
        return sorted(keys, key=lambda key: (not urgent[key], -behind[key]))

    def _job(self, stage: Stage) -> Job:
        matrix = self.plan.matrix
        return Job(
            results=str(self.store.results.absolute()),
            project=str(self.registry.project),
            kind=stage.kind,
            key=stage.key,
            plugin=stage.plugin,
            seed=stage.seed,
            spec=stage.spec,
            inputs={role: (self.plan.stages[key].kind, key) for role, key in stage.inputs.items()},
            device=matrix.device,
            precision=matrix.precision,
            timeout=matrix.timeout,
            peers=self.peers[stage.key],
            preload=self.preload,
        )

    def _start(self, key: str) -> None:
        self.running[key] = None
        stage = self.plan.stages[key]
        self.listener.stage_started(stage)
        self.registry.hook.bench_stage_started(**_named(stage))

    def _take(self, key: str, outcome: Outcome) -> None:
        """Note how a job ended."""
        if outcome.status == "busy":
            self.elsewhere.add(key)
        elif outcome.status in ("done", "found"):
            self.stages_run += outcome.status == "done"
            self._finish(key)
        else:
            self._fail(key, self._recorded(key, outcome), announce=True)

    def _recorded(self, key: str, outcome: Outcome) -> Failure:
        """The failure as stored; a process that died could not store it itself."""
        stored = self.store.failure(key)
        if stored and (stored.status, stored.reason) == (outcome.status, outcome.reason):
            return stored
        return self.store.record_failure(key, outcome.status, outcome.reason, outcome.log_tail)

    def _finish(self, key: str) -> None:
        stage = self.plan.stages[key]
        self.done.add(key)
        folder = folder_of(self.store, stage)
        seconds = float(folder.result().get("seconds", 0.0))
        self.listener.stage_finished(stage, seconds)
        self.registry.hook.bench_stage_finished(**_named(stage), seconds=seconds, folder=folder.path)

    def _fail(self, key: str, failure: Failure, *, announce: bool) -> None:
        """Note a failure, and that all that needs this stage cannot come to be."""
        stage = self.plan.stages[key]
        self.failures[key] = failure
        for other in self.plan.stages.values():
            cause = next((self.failures[source] for source in other.inputs.values() if source in self.failures), None)
            if cause and other.key not in self.done and other.key not in self.failures:
                self.failures[other.key] = cause
        self.waiting = [waiting for waiting in self.waiting if waiting not in self.failures]
        if not announce:
            return
        self.listener.stage_failed(stage, failure.status, failure.reason)
        self.registry.hook.bench_stage_failed(**_named(stage), status=failure.status, reason=failure.reason)
        if self.fail_fast:
            self._give_up("not started, because another stage failed (--fail-fast)")

    def _give_up(self, reason: str) -> None:
        for key in self.waiting:
            self.failures[key] = Failure(SKIPPED, reason)
        self.waiting = []

    def _ask_others(self) -> None:
        """Look after the stages that other drivers work on."""
        for key in list(self.elsewhere):
            folder = folder_of(self.store, self.plan.stages[key])
            if not folder.finished() and folder.holder() is not None:
                continue
            self.elsewhere.remove(key)
            failure = self.store.failure(key)
            if folder.finished():
                self._finish(key)
            elif failure and failure.status not in TRIED_AGAIN:
                self._fail(key, failure, announce=True)
            else:
                self.waiting.append(key)

    def _tell_progress(self) -> None:
        for key, last in self.running.items():
            stage = self.plan.stages[key]
            progress = folder_of(self.store, stage).progress()
            if progress is not None and progress != last:
                self.running[key] = progress
                self.listener.stage_progress(stage, progress)
                self.registry.hook.bench_log(key=key, progress=progress)

    def _decide(self) -> None:
        """Write the records of the cells about which nothing more can be learnt."""
        remaining = []
        for cell in self.undecided:
            if all(key in self.done or key in self.failures for key in cell.goals):
                self._record(cell)
            else:
                remaining.append(cell)
        self.undecided = remaining

    def _record(self, cell: Cell) -> None:
        failure = next((self.failures[key] for key in cell.essential if key in self.failures), None)
        score_failures = {key: self.failures[key] for key in cell.scores if key in self.failures}
        if failure is None:  # a score that was not tried says nothing yet
            failure = next((score for score in score_failures.values() if score.status == SKIPPED), None)
        if cell.invalid or cell.skipped:
            failure = Failure(INVALID if cell.invalid else SKIPPED, cell.invalid or cell.skipped or "")
        record = make_record(cell, self.plan, self.store, failure, {} if failure else score_failures)
        not_tried = failure is not None and failure.status == SKIPPED and not cell.skipped
        if not (not_tried and record_path(self.store.results, cell.id).exists()):
            record = write_record(self.store.results, record)
        self.statuses[record["status"]] += 1
        self.listener.cell_finished(record)


def _shipped_modules(matrix: Matrix, registry: Registry) -> tuple[str, ...]:
    """Modules of bench's own plugins in a matrix: of these it is known that importing them computes nothing."""
    modules = []
    for choice in (*matrix.translators, *matrix.segmenters, matrix.auxiliary_segmenter, *matrix.metrics):
        with suppress(PluginError):  # a control, or broken: its cells tell
            spec = registry.find(choice.kind, choice.name)
            modules += [spec.entry.rpartition(":")[0]] if spec.distribution == SHIPPED else []
    return tuple(dict.fromkeys(modules))


def _named(stage: Stage) -> dict[str, Any]:
    return {"kind": stage.kind, "key": stage.key, "plugin": stage.plugin, "seed": stage.seed}
