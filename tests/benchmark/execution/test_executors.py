"""Processes that end as they should not are told apart, and nothing of them is left running."""

import os
import signal
import time
from dataclasses import replace
from multiprocessing import forkserver
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmark.api.executor import Job
from benchmark.errors import StoreError, UsageError
from benchmark.execution.driver import execute
from benchmark.execution.events import Listener
from benchmark.execution.local import LocalExecutor, LocalOptions, _outcome_of, _Running, _status_of_exit
from benchmark.execution.preload import import_all
from benchmark.plan.planner import make_plan

JOB = {"plugin": "shift", "seed": 0, "spec": {}, "inputs": {}}


@pytest.fixture
def run(toys, store, diary):
    def run_matrix(matrix, **fields):
        plan = make_plan(matrix, toys)
        executor = LocalExecutor(LocalOptions(**{"slots": 2, "gpus": ()} | fields))
        execute(plan, store, executor, toys, listener=diary)
        return plan

    return run_matrix


def facts(store, plan, translator):
    [cell] = [cell for cell in plan.cells if cell.translator == translator]
    return store.stage("fit-translator", cell.stages["fit-translator"]).result()["facts"]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_bad_plugins_fail_their_own_rows_and_no_other(run, matrix_of, diary):
    bad = ("raises", "wrong-shape", "nan", "exits", "hangs", "quits", "out-of-memory", "not-there")
    run(matrix_of("shift", *bad, timeout=2.5))
    rows = {label: (record["status"], record["reason"]) for (label, _, _), record in diary.records.items()}
    assert {label for label, (status, _) in rows.items() if status == "done"} == {"source-only", "oracle", "shift"}
    assert rows["raises"] == ("failed", "raises: ValueError: no colour is left")
    assert rows["exits"] == ("failed", "exits: the process exited with code 3")
    assert rows["hangs"] == ("timeout", "hangs: not done after 2.5 s, the time limit of a stage")
    assert rows["quits"] == ("failed", "quits: ended the process with sys.exit(enough)")
    assert rows["out-of-memory"][0] == "oom"
    assert rows["not-there"][0] == "invalid"
    assert "no attribute 'Nowhere'" in rows["not-there"][1]
    assert rows["nan"][1].endswith("not finite (NaN or infinity) in 3 of 3 images, first in image 'train-0'")
    assert "returned shape" in rows["wrong-shape"][1]
    assert diary.summary.failed == len(bad)
    log = diary.records["exits", "nearest", 0]["log_tail"]
    assert log == ["leaving now"]
    assert diary.records["raises", "nearest", 0]["log_tail"][0] == "about to raise"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("die", "failed: faulty: the process exited with code 3"),
        ("hang", "timeout: faulty: not done after 2.5 s, the time limit of a stage"),
    ],
)
def test_a_metric_whose_process_dies_or_hangs_costs_its_own_value(run, matrix_of, choose, diary, fault, reason):
    matrix = matrix_of("shift", timeout=2.5)
    run(replace(matrix, metrics=(*matrix.metrics, choose("metric", "faulty", fault=fault))))
    record = diary.records["shift", "nearest", 0]
    assert (record["status"], record["missing"]) == ("done", {"faulty": reason})
    assert set(record["metrics"]) == {"accuracy", "difference"}


def test_a_stage_that_is_ended_takes_its_helpers_with_it(run, matrix_of, diary):
    run(matrix_of("leaves-helper", timeout=2.0))
    record = diary.records["leaves-helper", "nearest", 0]
    helper = int(record["log_tail"][0].split()[1])
    assert record["status"] == "timeout"
    assert not alive(helper)


def test_a_killed_stage_is_interrupted_and_goes_on_from_its_checkpoint(run, matrix_of, diary, store, toys, new_diary):
    matrix = matrix_of("shift", pause=0.1, steps=12)
    plan = make_plan(matrix, toys)

    class Assassin(new_diary):
        def stage_progress(self, stage, progress):
            if stage.kind == "fit-translator" and progress["done"] >= 2:
                os.kill(store.stage(stage.kind, stage.key).holder()["pid"], signal.SIGKILL)

    first = Assassin()
    execute(plan, store, LocalExecutor(LocalOptions(slots=2, gpus=())), toys, listener=first)
    record = first.records["shift", "nearest", 0]
    assert record["status"] == "interrupted"
    assert "killed by signal 9 (SIGKILL)" in record["reason"]
    assert first.records["oracle", "nearest", 0]["status"] == "done"
    run(matrix)
    assert diary.records["shift", "nearest", 0]["status"] == "done"
    assert facts(store, plan, "shift")["resumed_at"] >= 2


def test_each_gpu_takes_one_stage_and_each_stage_sees_one_gpu(run, matrix_of, store):
    plan = run(matrix_of("surroundings", device="auto", threads=3), slots=None, gpus=("5",))
    assert facts(store, plan, "surroundings") == {"visible": "5", "threads": 3, "omp": "3"} | {
        "peak_memory_bytes": facts(store, plan, "surroundings")["peak_memory_bytes"]
    }


def test_without_gpus_none_is_seen(run, matrix_of, store):
    assert facts(store, run(matrix_of("surroundings")), "surroundings")["visible"] == ""


def test_a_gpu_that_is_not_there_is_told_before_anything_runs(run, matrix_of, store):
    with pytest.raises(UsageError, match="device: cuda was asked for, but no GPU is visible"):
        run(matrix_of("shift", device="cuda"))
    assert not (store.results / "records").exists()


SLOTS = {
    "one per GPU": ({"gpus": ("0", "1", "2")}, {"threads": 4}, 3),
    "one per core": ({"gpus": ()}, {"threads": 1}, 8),
    "cores divided by threads": ({"gpus": ()}, {"threads": 3}, 2),
    "at least one": ({"gpus": ()}, {"threads": 9}, 1),
    "as asked for": ({"gpus": (), "slots": 5}, {"threads": 4}, 5),
    "on a CPU beside GPUs": ({"gpus": ("0",), "slots": 5}, {"threads": 4, "kind": "prepare"}, 2),
}


@pytest.mark.parametrize("case", SLOTS)
def test_slots_follow_from_gpus_or_else_from_cores_and_threads(case, monkeypatch):
    monkeypatch.setattr("benchmark.execution.local.cores", lambda: 8)
    monkeypatch.setattr("benchmark.execution.local.memory_gib", lambda: 1024.0)
    options, fields, slots = SLOTS[case]
    job = Job(**{"results": "", "project": "", "kind": "translate", "key": "k"} | fields, **JOB)
    with LocalExecutor(LocalOptions(**options)) as executor:
        assert executor.slots(job) == slots


def test_modules_that_cannot_be_preloaded_do_no_harm(tmp_path, monkeypatch):
    (tmp_path / "raising_module.py").write_text("raise RuntimeError('no')")
    (tmp_path / "leaving_module.py").write_text("raise SystemExit(3)")
    monkeypatch.syspath_prepend(tmp_path)
    assert import_all("json,nowhere_to_be_found,raising_module,leaving_module,math") == ["json", "math"]


def test_closing_ends_what_runs(toys, store, matrix_of):
    plan = make_plan(matrix_of("shift", pause=30.0), toys)

    class Impatient(Listener):
        def stage_started(self, stage):
            if stage.kind == "fit-translator":
                self.folder = store.stage(stage.kind, stage.key)
                while self.folder.holder() is None:
                    time.sleep(0.01)
                self.pid = self.folder.holder()["pid"]
                raise KeyboardInterrupt

    listener = Impatient()
    with pytest.raises(KeyboardInterrupt):
        execute(plan, store, LocalExecutor(LocalOptions(slots=2, gpus=())), toys, listener=listener)
    assert not alive(listener.pid)
    assert listener.folder.holder() is None


DEATHS = [
    *((-number, "interrupted") for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)),
    (-signal.SIGBUS, "interrupted"),
    (-signal.SIGSEGV, "failed"),
    (255, "interrupted"),
    (os.EX_IOERR, "interrupted"),
    (3, "failed"),
]


@pytest.mark.parametrize(("code", "status"), DEATHS)
def test_a_process_that_was_ended_from_outside_is_interrupted(code, status):
    assert _status_of_exit(code)[0] == status


def server_pid():
    return forkserver._forkserver._forkserver_pid


def test_the_death_of_the_server_that_stages_are_forked_from_is_no_failure(matrix_of, diary, store, toys, new_diary):
    plan = make_plan(matrix_of("shift", pause=0.1, steps=12), toys)

    class Saboteur(new_diary):
        killed = False

        def stage_progress(self, stage, progress):
            if stage.kind == "fit-translator" and not self.killed:
                self.killed = True
                os.kill(server_pid(), signal.SIGKILL)

    first = Saboteur()
    execute(plan, store, LocalExecutor(LocalOptions(slots=2, gpus=())), toys, listener=first)
    assert first.killed
    assert {record["status"] for record in first.records.values()} <= {"done", "interrupted"}
    assert first.records["shift", "nearest", 0]["status"] == "interrupted"
    execute(plan, store, LocalExecutor(LocalOptions(slots=2, gpus=())), toys, listener=diary)
    assert {record["status"] for record in diary.records.values()} == {"done"}


@pytest.mark.parametrize("error", [EOFError(), ConnectionResetError(), BrokenPipeError()])
def test_a_server_that_died_before_a_start_is_started_again_once(monkeypatch, error, store):
    job = Job(results=str(store.results), project="", kind="prepare", key="k", **JOB)
    failures = [error]

    def start(self):
        if failures:
            raise failures.pop()

    monkeypatch.setattr("multiprocessing.context.ForkServerProcess.start", start)
    with LocalExecutor(LocalOptions(slots=2, gpus=())) as executor:
        assert executor.submit(job)
        executor._running.clear()
        failures[:] = [error, error]
        with pytest.raises(StoreError, match="the server that stages are forked from was ended"):
            executor.submit(job)


def test_a_process_that_the_system_refuses_is_one_line(monkeypatch, store):
    def start(self):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr("multiprocessing.context.ForkServerProcess.start", start)
    job = Job(results=str(store.results), project="", kind="prepare", key="k", **JOB)
    expected = r"no process could be started for a stage \(Cannot allocate memory\)"
    with LocalExecutor(LocalOptions(slots=2, gpus=())) as executor, pytest.raises(StoreError, match=expected):
        executor.submit(job)


def test_a_full_temporary_folder_is_named(monkeypatch, store):
    def write_text(self, text):
        raise OSError(28, "No space left on device")

    job = Job(results=str(store.results), project="", kind="prepare", key="k", **JOB)
    with LocalExecutor(LocalOptions(slots=2, gpus=())) as executor:
        monkeypatch.setattr(Path, "write_text", write_text)
        with pytest.raises(StoreError, match=r"bench-.*make room in the temporary folder"):
            executor.submit(job)


def test_a_process_without_an_outcome_whose_stage_is_finished_is_done(monkeypatch, store, tmp_path):
    job = Job(results=str(store.results), project="", kind="prepare", key="k", **JOB)
    folder = store.stage("prepare", "k")
    folder.start()
    folder.finish()
    monkeypatch.setattr("benchmark.execution.local._end_processes", lambda running: 1)
    running = _Running(job, tmp_path / "k.json", SimpleNamespace(exitcode=1), 0.0)
    assert _outcome_of(running).status == "done"


def test_what_a_plugin_detaches_ends_with_its_stage(run, matrix_of, diary, toys):
    plan = run(matrix_of("detaches"))
    [cell] = [cell for cell in plan.cells if cell.translator == "detaches"]
    assert diary.records["detaches", "nearest", 0]["status"] == "done"
    detached = int(diary.records["detaches", "nearest", 0]["stages"]["fit-translator"]["facts"]["detached"])
    assert cell.stages
    assert not alive(detached)


def test_what_a_plugin_detaches_ends_with_a_stage_that_outlasts_its_time(run, matrix_of, diary):
    run(matrix_of("detaches", timeout=3.0, pause=10.0))
    record = diary.records["detaches", "nearest", 0]
    assert record["status"] == "timeout"
    assert not alive(int(record["log_tail"][0].split()[1]))
