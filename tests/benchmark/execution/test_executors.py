"""Processes that end as they should not are told apart, and nothing of them is left running."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.errors import UsageError
from benchmark.execution.driver import execute
from benchmark.execution.events import Listener
from benchmark.execution.local import LocalExecutor, LocalOptions
from benchmark.execution.preload import import_all
from benchmark.plan.planner import make_plan


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
    plan = run(matrix_of("surroundings", device="auto"), slots=None, gpus=("5",), threads=3)
    assert facts(store, plan, "surroundings") == {"visible": "5", "threads": 3, "omp": "3"} | {
        "peak_memory_bytes": facts(store, plan, "surroundings")["peak_memory_bytes"]
    }


def test_without_gpus_none_is_seen(run, matrix_of, store):
    assert facts(store, run(matrix_of("surroundings")), "surroundings")["visible"] == ""


def test_a_gpu_that_is_not_there_is_told_before_anything_runs(run, matrix_of, store):
    with pytest.raises(UsageError, match="device: cuda was asked for, but no GPU is visible"):
        run(matrix_of("shift", device="cuda"))
    assert not (store.results / "records").exists()


@pytest.mark.parametrize(("gpus", "slots"), [(("0", "1", "2"), 3), ((), None)])
def test_by_default_there_is_a_slot_for_each_gpu_or_else_for_each_core(gpus, slots):
    with LocalExecutor(LocalOptions(gpus=gpus)) as executor:
        assert executor.slots == (slots or executor.slots)
        assert 1 <= executor.slots <= max(len(os.sched_getaffinity(0)), 3)


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
