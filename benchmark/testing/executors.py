"""What every executor must do, as checks that its author subclasses."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from benchmark.api.executor import Executor, Job, Outcome
from benchmark.testing.stage_jobs import EXIT_CODE, NAME, StageJobs
from benchmark.testing.suite import ConformanceSuite

PATIENCE = 60.0
"""Seconds after which a job counts as lost."""
TURN = 0.5
"""Seconds of each call of `wait`."""


class ExecutorConformance(ConformanceSuite):
    """The contract of an executor, checked with jobs of milliseconds; subclass it under a name that starts with `Test`.

    ```python
    class TestCluster(ExecutorConformance):
        def make(self, **changes):
            return ClusterExecutor(ClusterOptions(**{"slots": 2, **changes}))
    ```

    Attributes:
        isolated: Whether each job has a process of its own, so that one that exits, is killed or takes too long
            is an outcome, and closing ends what runs. An executor that runs jobs in the process of the caller
            sets False.
        most: A number of jobs that is too many for `make()`.
    """

    isolated: ClassVar[bool] = True
    most: ClassVar[int] = 16

    @classmethod
    def conditional_checks(cls) -> Mapping[str, bool]:
        """Checks of processes, where jobs have some."""
        of_processes = (
            "test_a_process_that_exits_is_a_failure_with_its_exit_code",
            "test_a_process_that_is_killed_is_an_outcome_with_the_signal",
            "test_a_job_that_outlasts_its_time_is_ended",
            "test_closing_ends_what_runs",
            "test_waiting_takes_no_longer_than_was_said",
        )
        return dict.fromkeys(of_processes, cls.isolated)

    def options_class(self) -> Any:
        """The options class of the executor."""
        with self.make() as executor:
            return type(executor).Options

    def outcomes(self, executor: Executor, jobs: list[Job]) -> dict[str, Outcome]:
        """Submit jobs as there is room, and wait for all of them; outcomes by key."""
        waiting, found = list(jobs), dict[str, Outcome]()
        end = time.monotonic() + PATIENCE
        while len(found) < len(jobs):
            while waiting and executor.submit(waiting[0]):
                waiting.pop(0)
            for key, outcome in executor.wait(TURN):
                assert key not in found, f"wait: expected one outcome for each job, but '{key}' has two"
                found[key] = outcome
            missing = [job.key for job in jobs if job.key not in found]
            assert time.monotonic() < end, f"wait: expected outcomes of {missing} in {PATIENCE:g} s, but none came"
        unknown = found.keys() - {job.key for job in jobs}
        assert not unknown, f"wait: expected keys of the jobs, but {sorted(unknown)} came"
        return found

    def outcome(self, job: Job) -> Outcome:
        """How a job ends on an executor of its own."""
        with self.make() as executor:
            return self.outcomes(executor, [job])[job.key]

    def test_a_job_is_done_and_its_result_is_there(self, tmp_path: Path) -> None:
        """What an executor is for."""
        jobs = StageJobs(tmp_path)
        job = jobs.job("finish")
        self._check(self.outcome(job), "done", "", "a job that does its work")
        assert jobs.is_whole(job), "a job that is done: expected its result in the results folder, but it is not there"

    def test_several_jobs_are_done_one_after_the_other(self, tmp_path: Path) -> None:
        """An executor serves a whole matrix."""
        jobs = StageJobs(tmp_path)
        given = [jobs.job("finish") for _ in range(3)]
        with self.make() as executor:
            for key, outcome in self.outcomes(executor, given).items():
                self._check(outcome, "done", "", f"{key} of three")

    def test_a_job_whose_result_is_there_is_not_run_again(self, tmp_path: Path) -> None:
        """Several matrices may share a results folder."""
        jobs = StageJobs(tmp_path)
        job = jobs.job("finish")
        self.outcome(job)
        self._check(self.outcome(job), "found", "", "a job that was done before")

    def test_an_error_is_a_failure_with_its_reason_and_ends_no_other_job(self, tmp_path: Path) -> None:
        """It costs its own rows alone."""
        jobs = StageJobs(tmp_path)
        wrong, right = jobs.job("raise"), jobs.job("finish")
        with self.make() as executor:
            found = self.outcomes(executor, [wrong, right])
        self._check(found[wrong.key], "failed", "ValueError: no grey is left", "a job that raises ValueError")
        self._check(found[right.key], "done", "", "a job beside one that raises")

    def test_submit_refuses_jobs_while_there_is_no_room(self, tmp_path: Path) -> None:
        """The driver offers all jobs that are ready, and keeps those that are refused."""
        jobs = StageJobs(tmp_path)
        with self.make() as executor:
            accepted: list[Job] = []
            for job in (jobs.job("wait") for _ in range(self.most)):
                if not executor.submit(job):
                    break
                accepted.append(job)
            assert accepted, "submit: expected True for the first job, but it was refused"
            full = len(accepted) < self.most
            assert full, f"submit: expected False at some point, but {self.most} jobs were accepted at once"
            jobs.open_gate()
            found: dict[str, Outcome] = {}
            end = time.monotonic() + PATIENCE
            while len(found) < len(accepted) and time.monotonic() < end:
                found |= dict(executor.wait(TURN))
            expected = sorted(job.key for job in accepted)
            assert sorted(found) == expected, f"wait: expected outcomes of {expected}, but of {sorted(found)} came"
            assert executor.submit(jobs.job("finish")), "submit: expected True once jobs have ended, but it was refused"

    def test_waiting_for_nothing_gives_nothing(self) -> None:
        """The driver waits also while another process holds the last stage."""
        with self.make() as executor:
            found = executor.wait(0.01)
        assert found == [], f"wait without a job: expected [], but {found!r} came"

    def test_it_can_be_closed_twice(self, tmp_path: Path) -> None:
        """Leaving its context closes it, and so may whoever made it."""
        jobs = StageJobs(tmp_path)
        executor = self.make()
        with executor:
            self.outcomes(executor, [jobs.job("finish")])
        executor.close()

    def test_a_process_that_exits_is_a_failure_with_its_exit_code(self, tmp_path: Path) -> None:
        """Libraries end processes, too."""
        jobs = StageJobs(tmp_path)
        self._check(self.outcome(jobs.job("exit")), "failed", f"code {EXIT_CODE}", f"os._exit({EXIT_CODE})")

    def test_a_process_that_is_killed_is_an_outcome_with_the_signal(self, tmp_path: Path) -> None:
        """A kill from outside says nothing about the plugin, and the stage is tried again later."""
        jobs = StageJobs(tmp_path)
        found = self.outcome(jobs.job("be killed"))
        assert found.status in ("interrupted", "failed"), (
            f"SIGKILL: expected status 'interrupted' or 'failed', but '{found.status}' came ({found.reason})"
        )
        assert "9" in found.reason or "SIGKILL" in found.reason, f"SIGKILL: expected the signal in '{found.reason}'"

    def test_a_job_that_outlasts_its_time_is_ended(self, tmp_path: Path) -> None:
        """A hang costs its own rows alone."""
        jobs = StageJobs(tmp_path)
        job = jobs.job("wait", timeout=3.0)
        self._check(self.outcome(job), "timeout", "", "a job that takes longer than its timeout")
        self._check_ended(jobs, job, "after its timeout")

    def test_closing_ends_what_runs(self, tmp_path: Path) -> None:
        """Ctrl-C must leave no process that goes on computing."""
        jobs = StageJobs(tmp_path)
        job = jobs.job("wait")
        with self.make() as executor:
            assert executor.submit(job), "submit: expected True for the first job, but it was refused"
            _wait_until(lambda: jobs.process(job) is not None, "the job to start")
        self._check_ended(jobs, job, "after close")
        jobs.open_gate()
        self._check(self.outcome(job), "done", "", "a job run again after it was ended")

    def test_waiting_takes_no_longer_than_was_said(self, tmp_path: Path) -> None:
        """Between its calls the driver shows progress."""
        jobs = StageJobs(tmp_path)
        with self.make() as executor:
            executor.submit(jobs.job("wait"))
            started = time.monotonic()
            found = executor.wait(TURN)
            took = time.monotonic() - started
        assert found == [], f"wait: expected [] while the job runs, but {found!r} came"
        assert took < 10 * TURN, f"wait({TURN:g}): expected to return after that time, but it took {took:.1f} s"

    def _check(self, found: Outcome, status: str, reason: str, what: str) -> None:
        came = f"'{found.status}' came ({found.reason})"
        assert found.status == status, f"{what}: expected status '{status}', but {came}"
        assert reason in found.reason, f"{what}: expected '{reason}' in the reason, but {came}"
        named = status in ("done", "found") or NAME in found.reason
        assert named, f"{what}: expected the plugin '{NAME}' in the reason, but {came}"

    def _check_ended(self, jobs: StageJobs, job: Job, when: str) -> None:
        process = jobs.process(job)
        if process is not None:
            _wait_until(lambda: not _is_alive(process), f"process {process} of the job to be gone {when}")
        assert jobs.folder(job).holder() is None, f"{when}: expected nobody to hold the stage, but its lock is taken"


def _wait_until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"expected {what} within {PATIENCE:g} s, but it did not come"
        time.sleep(0.02)


def _is_alive(process: int) -> bool:
    """Whether there is a process of this id on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
