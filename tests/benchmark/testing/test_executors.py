"""The suite for executors: one that keeps its contract passes, and each check fails for one that breaks it."""

import threading
import time

import pytest

from benchmark import Executor, Outcome, PluginOptions
from benchmark.execution.worker import run_job
from benchmark.testing import ExecutorConformance
from benchmark.testing import executors as suites

DONE = "test_a_job_is_done_and_its_result_is_there"
SEVERAL = "test_several_jobs_are_done_one_after_the_other"
FOUND = "test_a_job_whose_result_is_there_is_not_run_again"
ERROR = "test_an_error_is_a_failure_with_its_reason_and_ends_no_other_job"
FULL = "test_submit_refuses_jobs_while_there_is_no_room"
NOTHING = "test_waiting_for_nothing_gives_nothing"
CLOSED = "test_it_can_be_closed_twice"
EXITS = "test_a_process_that_exits_is_a_failure_with_its_exit_code"
PROCESSES = (
    EXITS,
    "test_a_process_that_is_killed_is_an_outcome_with_the_signal",
    "test_a_job_that_outlasts_its_time_is_ended",
    "test_closing_ends_what_runs",
    "test_waiting_takes_no_longer_than_was_said",
)


class Threads(Executor):
    """Runs up to two jobs in threads of this process."""

    Options = PluginOptions
    room = 2

    def __init__(self):
        self.running = {}
        self.closed = 0

    def submit(self, job):
        if len(self.running) >= self.room:
            return False
        found = []
        thread = threading.Thread(target=lambda: found.append(self.run(job)), daemon=True)
        self.running[job.key] = thread, found
        thread.start()
        return True

    def run(self, job):
        return run_job(job, capture=False)

    def wait(self, seconds):
        end = time.monotonic() + seconds
        while True:
            over = [key for key, (thread, _) in self.running.items() if not thread.is_alive()]
            if over or time.monotonic() > end:
                return [(key, self.running.pop(key)[1][0]) for key in over]
            time.sleep(0.01)

    def close(self):
        self.closed += 1


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(suites, "PATIENCE", 2.0)
    monkeypatch.setattr(suites, "TURN", 0.1)


BROKEN = {}


def broken(check, says, *others):
    """Registers a way to break the executor: the check that must fail, what it must say, and those failing with it."""

    def register(change):
        BROKEN[change.__name__] = (change, check, says, others)
        return change

    return register


@broken(DONE, "expected its result in the results folder, but it is not there", FOUND, ERROR)
def says_done_and_does_nothing():
    return {"run": lambda self, job: Outcome("done")}


@broken(SEVERAL, "expected status 'done', but 'failed' came (executor-suite: no second job)", ERROR)
def does_one_job_alone():
    def run(self, job):
        self.runs = getattr(self, "runs", 0) + 1
        return Threads.run(self, job) if self.runs == 1 else Outcome("failed", "executor-suite: no second job")

    return {"run": run}


@broken(FOUND, "a job that was done before: expected status 'found', but 'done' came ()")
def calls_found_done():
    def run(self, job):
        outcome = Threads.run(self, job)
        return Outcome("done") if outcome.status == "found" else outcome

    return {"run": run}


@broken(ERROR, "expected 'ValueError: no grey is left' in the reason, but 'failed' came (executor-suite: failed)")
def hides_the_reason():
    def run(self, job):
        outcome = Threads.run(self, job)
        return Outcome("failed", "executor-suite: failed") if outcome.status == "failed" else outcome

    return {"run": run}


@broken(FULL, "submit: expected False at some point, but 16 jobs were accepted at once")
def has_room_for_everything():
    return {"room": 1000}


@broken(FULL, "submit: expected True once jobs have ended, but it was refused", SEVERAL)
def never_has_room_again():
    def submit(self, job):
        self.taken = getattr(self, "taken", 0) + 1
        return self.taken <= 2 and Threads.submit(self, job)

    return {"submit": submit}


@broken(
    SEVERAL,
    "wait: expected outcomes of ['job1', 'job2', 'job3'] in 2 s, but none came",
    DONE,
    FOUND,
    ERROR,
    FULL,
    CLOSED,
)
def loses_its_jobs():
    return {"wait": lambda self, seconds: []}


@broken(NOTHING, "wait without a job: expected [], but None came")
def waits_for_none():
    def wait(self, seconds):
        return Threads.wait(self, seconds) if self.running else None

    return {"wait": wait}


@broken(CLOSED, "closed already")
def closes_once():
    def close(self):
        assert not self.closed, "closed already"
        self.closed += 1

    return {"close": close}


def suite(executor, **attributes):
    given = {"make": lambda self, **changes: executor(**changes), "isolated": False, **attributes}
    return type("TestIt", (ExecutorConformance,), given)


@pytest.mark.parametrize("name", BROKEN)
def test_a_check_fails_for_an_executor_that_breaks_what_it_checks_and_no_other_does(name, failures):
    change, check, says, others = BROKEN[name]
    said = failures(suite(type("Broken", (Threads,), change())))
    assert set(said) == {check, *others}
    assert says in said[check]


def test_an_executor_that_keeps_its_contract_passes_every_check_that_applies(failures):
    assert failures(suite(Threads)) == {}


def test_checks_of_processes_are_there_only_for_jobs_with_processes():
    assert not any(getattr(suite(Threads), name) for name in PROCESSES)
    assert all(callable(getattr(suite(Threads, isolated=True), name)) for name in PROCESSES)


def test_jobs_that_cannot_be_ended_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(suites, "PATIENCE", 0.5)
    isolated = suite(Threads, isolated=True)()
    with pytest.raises(AssertionError, match=r"expected outcomes of \['job1'\] in 0.5 s, but none came"):
        isolated.test_a_job_that_outlasts_its_time_is_ended(tmp_path)
    (tmp_path / "gate").touch()
