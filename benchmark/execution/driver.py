"""Runs a plan: submits stages when their inputs are finished, announces events, writes a record per cell."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from benchmark.api.executor import Executor, Job, Outcome
from benchmark.config.matrix import Matrix
from benchmark.errors import PluginError, UsageError
from benchmark.execution.cell_records import CellRecords
from benchmark.execution.events import HookListener, Listener, Listeners, Summary
from benchmark.execution.schedule import Schedule
from benchmark.execution.states import (
    Retry,
    Reuse,
    State,
    discarded_stages,
    folder_of,
    is_tried_again,
    other_code,
    score_keys,
    stage_states,
)
from benchmark.plan.model import Plan, Stage
from benchmark.registry.registry import Registry
from benchmark.results.records import SKIPPED
from benchmark.store.locks import Busy
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
        registry: Whose hooks are called.
        reuse: "only-missing" runs what is not there; "same-code" also what other code than today's has run;
            "never" runs everything again; "always" leaves interrupted stages as they are; "only-cache" runs nothing.
        retry: Which recorded failures are tried again; "failed" means all.
        fail_fast: Start nothing more after the first failure.
        listener: Is called at every event.

    Raises:
        StoreError: The results folder cannot be written.
        UsageError: Stages are to be discarded while another driver works on the results folder.
    """
    listeners = Listeners(*filter(None, [listener]), HookListener(registry.hook, store))
    preload = _preloadable_modules(plan.matrix, registry)
    with _signals_as_interrupt(), executor, store_errors(), _hold_results(plan, store, reuse):

        def job_of(stage: Stage) -> Job:
            return make_job(stage, plan, store, registry, preload)

        run = _Run(plan, store, executor, listeners, job_of, retry)
        run.begin(trustworthy_states(plan, store, reuse, retry))
        if reuse == "only-cache":
            run.give_up("not in the results folder, and --reuse only-cache runs nothing")
        run.fail_fast = fail_fast
        while run.open:
            run.step()
        return run.end()


class _Run:
    """One run of a plan: every stage is done, failed, running, with another driver, or waits in the schedule."""

    def __init__(
        self,
        plan: Plan,
        store: Store,
        executor: Executor,
        listener: Listener,
        job_of: Callable[[Stage], Job],
        retry: Retry,
    ) -> None:
        self.fail_fast = False
        self._plan = plan
        self._store = store
        self._executor = executor
        self._listener = listener
        self._job_of = job_of
        self._retry = retry
        self._started = time.monotonic()
        self._records = CellRecords(plan, store, listener.cell_finished)
        self._schedule = Schedule(plan.stages, ())
        self._failures: dict[str, Failure] = {}
        self._running: dict[str, dict[str, Any] | None] = {}
        self._elsewhere: set[str] = set()
        self._stages_run = 0
        self._reused = 0

    def begin(self, states: dict[str, State]) -> None:
        """Note what is done and what has failed before, and write the records of cells that need no work."""
        done = [key for key, state in states.items() if state == "cached"]
        self._reused = len(done)
        self._schedule = Schedule(self._plan.stages, done)
        changes = {}
        for key in done:
            if changed_packages := other_code(self._store, self._plan.stages[key]):
                changes[key] = changed_packages
        self._listener.plan_ready(self._plan, states)
        self._listener.other_code_found(changes)
        for key in done:
            self._records.settle(key)
        for key, state in states.items():
            if state not in ("cached", "not-needed", "failed"):
                self._schedule.add(key)
        # after all were added: a failure takes the stages that need it out of the schedule again
        for key, state in states.items():
            if state == "failed":
                self._note_failure(key, self._store.failure(key) or Failure("failed", "unknown"))
        self._records.write_decided(self._failures)

    @property
    def open(self) -> bool:
        """Whether anything is still to be done or waited for."""
        return bool(self._schedule or self._running or self._elsewhere)

    def step(self) -> None:
        """Start what can start, then wait a moment for news."""
        self._offer_stages()
        self._check_other_drivers()
        for key, outcome in self._executor.wait(SECONDS_BETWEEN_LOOKS):
            del self._running[key]
            self._note_outcome(key, outcome)
        self._announce_progress()
        self._records.write_decided(self._failures)

    def give_up(self, reason: str) -> None:
        """Start nothing more."""
        for key in self._schedule.clear():
            self._failures[key] = Failure(SKIPPED, reason)
            self._records.settle(key)
        self._records.write_decided(self._failures)

    def end(self) -> Summary:
        """Announce the end of the run, and return its summary."""
        seconds = time.monotonic() - self._started
        summary = Summary(dict(self._records.statuses), self._stages_run, self._reused, seconds)
        self._listener.finished(summary)
        return summary

    def _offer_stages(self) -> None:
        """Offer stages to the executor, the most urgent first, until it has refused one of each kind."""
        refused: set[str] = set()
        while (key := self._schedule.next(refused)) is not None:
            stage = self._plan.stages[key]
            if folder_of(self._store, stage).finished():  # by another driver, meanwhile
                self._schedule.take(key)
                self._finish(key)
            elif self._executor.submit(self._job_of(stage)):
                self._schedule.take(key)
                self._running[key] = None
                self._listener.stage_started(stage)
            else:
                refused.add(stage.kind)

    def _check_other_drivers(self) -> None:
        """Note what became of the stages that other drivers work on."""
        for key in list(self._elsewhere):
            stage = self._plan.stages[key]
            folder = folder_of(self._store, stage)
            finished = folder.finished()
            if not finished and folder.holder() is not None:
                continue
            self._elsewhere.remove(key)
            failure = self._store.failure(key)
            if finished or folder.finished():  # it may have been finished between the two looks
                self._finish(key)
            elif failure and not is_tried_again(failure, stage, "only-missing", "interrupted"):
                self._fail(key, failure)
            else:  # its driver was killed: it is ours to run
                self._schedule.add(key)

    def _note_outcome(self, key: str, outcome: Outcome) -> None:
        """Note how a job ended."""
        if outcome.status == "busy":
            self._elsewhere.add(key)
        elif outcome.status in ("done", "found"):
            self._stages_run += outcome.status == "done"
            self._finish(key)
        else:
            self._fail(key, self._recorded_failure(key, outcome))

    def _recorded_failure(self, key: str, outcome: Outcome) -> Failure:
        """The failure as stored; a process that died could not store it itself."""
        stored = self._store.failure(key)
        if stored and (stored.status, stored.reason) == (outcome.status, outcome.reason):
            return stored
        code = self._plan.stages[key].code
        return self._store.record_failure(key, outcome.status, outcome.reason, outcome.log_tail, code)

    def _finish(self, key: str) -> None:
        stage = self._plan.stages[key]
        self._schedule.finish(key)
        self._records.settle(key)
        self._listener.stage_finished(stage, folder_of(self._store, stage).seconds())

    def _fail(self, key: str, failure: Failure) -> None:
        self._note_failure(key, failure)
        self._listener.stage_failed(self._plan.stages[key], failure.status, failure.reason)
        if self.fail_fast:
            self.give_up("not started, because another stage failed (--fail-fast)")

    def _note_failure(self, key: str, failure: Failure) -> None:
        """A stage failed, and what needs it will not run."""
        for lost in [key, *self._schedule.fail(key)]:
            if lost not in self._failures:
                self._failures[lost] = failure
                self._records.settle(lost)

    def _announce_progress(self) -> None:
        for key, last in self._running.items():
            stage = self._plan.stages[key]
            progress = folder_of(self._store, stage).progress()
            if progress is not None and progress != last:
                self._running[key] = progress
                self._listener.stage_progress(stage, progress)


@contextmanager
def _signals_as_interrupt() -> Iterator[None]:
    """Treat TERM and HUP as Ctrl-C, so that stages end and temporary folders are removed."""
    # a handler that is not the usual one was set by whoever runs bench (`nohup` ignores HUP), and stays
    usual = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        usual = []
    for number in usual:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in usual:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def _hold_results(plan: Plan, store: Store, reuse: Reuse) -> Iterator[None]:
    """Hold the results folder together with other drivers, after removing what is to be run again."""
    if reuse == "only-cache":  # nothing is run, and the folder may be one that can only be read
        yield
        return
    store.check_writable()
    discarded = discarded_stages(plan, store, reuse)
    discard = partial(discard_stages, plan, store, discarded) if discarded else None
    try:
        with store.hold(discard):
            yield
    except Busy as error:
        raise UsageError(
            f"{store.results}: --reuse {reuse} removes stages, and another bench works in this folder; wait for its "
            "end, or choose another --results folder"
        ) from error


def discard_stages(plan: Plan, store: Store, keys: set[str]) -> None:
    """Remove stages, finished or not; those that read others first, so that none outlives its inputs."""
    for key in reversed(plan.stages):
        if key in keys:
            folder_of(store, plan.stages[key]).discard(only_damaged=False)


def trustworthy_states(plan: Plan, store: Store, reuse: Reuse, retry: Retry) -> dict[str, State]:
    """States after every finished stage that is about to be read, by a stage or a record, matched its hashes.

    What was to be discarded is gone already; damaged stages are removed here.
    """
    checked: set[str] = set()
    if reuse in ("never", "same-code"):
        retry = "failed" if reuse == "never" else retry
        reuse = "only-missing"
    # a damaged stage that is removed has to run again, and its inputs are then read too: repeat until none is new
    while True:
        states = stage_states(plan, store, reuse=reuse, retry=retry)
        if reuse == "only-cache":
            return states
        candidates = set(score_keys(plan.cells))
        for key, stage in plan.stages.items():
            if states[key] in ("to-run", "resumable"):
                candidates |= set(stage.inputs.values())
        read = {key for key in candidates if states[key] == "cached"}
        for key in read - checked:
            folder = folder_of(store, plan.stages[key])
            if not folder.intact():
                folder.discard(only_damaged=True)
        if read <= checked:
            return states
        checked |= read


def make_job(stage: Stage, plan: Plan, store: Store, registry: Registry, preload: tuple[str, ...]) -> Job:
    """The job that an executor runs for a stage."""
    matrix = plan.matrix
    inputs = {role: (plan.stages[key].kind, key) for role, key in stage.inputs.items()}
    return Job(
        results=str(store.results.absolute()),
        project=str(registry.project),
        kind=stage.kind,
        key=stage.key,
        plugin=stage.plugin,
        seed=stage.seed,
        spec=stage.spec,
        inputs=inputs,
        device=matrix.device,
        precision=matrix.precision,
        threads=matrix.threads,
        timeout=matrix.timeout,
        preload=preload,
    )


def _preloadable_modules(matrix: Matrix, registry: Registry) -> tuple[str, ...]:
    """Modules of the plugins of a matrix that are declared safe to preload: importing them computes nothing."""
    modules: dict[str, None] = {}
    for config in (*matrix.translators, *matrix.segmenters, matrix.auxiliary_segmenter, *matrix.metrics):
        with suppress(PluginError):  # a control row, or a broken plugin, which its cells report
            spec = registry.find(config.kind, config.name)
            if spec.preload:
                modules[spec.entry.rpartition(":")[0]] = None
    return tuple(modules)
