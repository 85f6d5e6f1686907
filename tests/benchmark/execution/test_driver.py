"""A matrix ends the same however often it is interrupted, and does nothing twice."""

import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmark.api.hookspecs import hookimpl
from benchmark.api.stage_context import StageContext
from benchmark.config.matrix import PluginConfig
from benchmark.execution.driver import _shipped_modules, execute
from benchmark.execution.inline import InlineExecutor
from benchmark.execution.local import LocalExecutor, LocalOptions
from benchmark.execution.states import stage_states
from benchmark.plan.planner import make_plan
from benchmark.registry.registry import SHIPPED
from benchmark.results.records import comparable, read_records
from benchmark.store.store import Store

DRIVE = Path(__file__).parents[2] / "toys" / "drive.py"


@pytest.fixture
def run(toys, store, new_diary):
    """Runs a matrix in this process and returns what was heard."""

    def run_matrix(matrix, executor=None, **how):
        diary = new_diary()
        execute(make_plan(matrix, toys), store, executor or InlineExecutor(), toys, listener=diary, **how)
        return diary

    return run_matrix


@pytest.fixture
def drive(tmp_path):
    """Starts a driver in a process of its own."""
    processes = []

    def start(matrix, results):
        (tmp_path / "matrix.pickle").write_bytes(pickle.dumps(matrix))
        command = [sys.executable, str(DRIVE), str(tmp_path / "matrix.pickle"), str(results)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


def outcomes(results):
    records, problems = read_records(results)
    assert problems == []
    return {record["cell"]: comparable(record) for record in records}


def stage_of(store, toys, matrix, kind, translator="shift"):
    plan = make_plan(matrix, toys)
    [cell] = [cell for cell in plan.cells if cell.translator == translator]
    [role] = [role for role in cell.stages if role.kind == kind]
    return store.stage(kind, cell.stages[role])


def test_a_second_run_starts_nothing_and_changes_no_file(run, matrix_of, store):
    first = run(matrix_of("shift", seeds=(0, 1)))
    assert (first.summary.stages_run, first.summary.cells) == (len(first.started), {"done": 6})
    before = {path: path.stat().st_mtime_ns for path in store.results.rglob("*") if path.is_file()}
    second = run(matrix_of("shift", seeds=(0, 1)))
    assert second.started == []
    assert second.summary.stages_reused == len(first.started)
    assert second.records == first.records
    assert {path: path.stat().st_mtime_ns for path in store.results.rglob("*") if path.is_file()} == before


def test_stages_that_only_finished_ones_would_read_are_not_made_again(run, matrix_of, store, toys):
    run(matrix_of("shift"))
    shutil.rmtree(stage_of(store, toys, matrix_of("shift"), "translate").path)
    again = run(matrix_of("shift"))
    assert again.started == []
    assert "not-needed" in again.states.values()


def test_a_new_segmenter_reuses_the_translations(run, matrix_of):
    run(matrix_of("shift"))
    wider = run(matrix_of("shift", segmenters=("nearest", "overconfident")))
    assert {kind for kind, _ in wider.started} == {"fit-segmenter", "predict"}
    assert {plugin for _, plugin in wider.started} == {"overconfident"}


def test_a_truncated_file_is_found_and_its_stage_made_again(run, matrix_of, store, toys):
    first = run(matrix_of("shift"))
    metrics = stage_of(store, toys, matrix_of("shift"), "score-segmentation").path / "metrics.json"
    metrics.write_text(metrics.read_text()[:40])
    again = run(matrix_of("shift"))
    assert again.started == [("score-segmentation", "accuracy")]
    assert again.records == first.records


def test_a_changed_number_of_a_score_is_found_and_its_stage_made_again(run, matrix_of, store, toys):
    first = run(matrix_of("shift"))
    metrics = stage_of(store, toys, matrix_of("shift"), "score-segmentation").path / "metrics.json"
    metrics.write_text(metrics.read_text().replace("0.", "9.", 1))
    again = run(matrix_of("shift"))
    assert again.started == [("score-segmentation", "accuracy")]
    assert again.records == first.records


def test_a_changed_byte_in_what_is_about_to_be_read_is_found(run, matrix_of, store, toys):
    matrix = matrix_of("shift")
    first = run(matrix)
    shutil.rmtree(stage_of(store, toys, matrix, "score-translation").path)
    images = stage_of(store, toys, matrix, "translate").path / "images.npy"
    content = bytearray(images.read_bytes())
    content[-1] ^= 1
    images.write_bytes(content)
    again = run(matrix)
    assert again.started == [("translate", "shift"), ("score-translation", "difference")]
    assert outcomes(store.results)[first.records["shift", "nearest", 0]["cell"]] == comparable(
        first.records["shift", "nearest", 0]
    )


def test_failures_are_rows_and_are_not_tried_again_unless_asked(run, matrix_of):
    matrix = matrix_of("shift", "raises")
    first = run(matrix)
    assert first.failed == [("fit-translator", "raises", "failed", "raises: ValueError: no colour is left")]
    assert first.summary.cells == {"done": 3, "failed": 1}
    second = run(matrix)
    assert second.started == []
    assert second.records == first.records
    assert sorted(second.states.values()).count("blocked") == 5
    third = run(matrix, retry="failed")
    assert third.started == [("fit-translator", "raises")]
    assert run(matrix, reuse="always").started == []


def test_interrupted_stages_are_tried_again_unless_everything_is_to_be_reused(run, matrix_of, store, toys):
    matrix = matrix_of("shift")
    run(matrix)
    folder = stage_of(store, toys, matrix, "predict")
    shutil.rmtree(folder.path)
    store.record_failure(folder.path.name, "interrupted", "killed")
    assert run(matrix, reuse="always").records["shift", "nearest", 0]["status"] == "interrupted"
    assert run(matrix).records["shift", "nearest", 0]["status"] == "done"
    assert store.failure(folder.path.name) is None


def test_never_reusing_runs_everything_again_with_the_same_outcome(run, matrix_of, store):
    first = run(matrix_of("shift"))
    before = outcomes(store.results)
    again = run(matrix_of("shift"), reuse="never")
    assert sorted(again.started) == sorted(first.started)
    assert outcomes(store.results) == before


def test_only_the_cache_runs_nothing_and_keeps_the_records_that_are_there(run, matrix_of, store):
    nothing = run(matrix_of("shift"), reuse="only-cache")
    assert nothing.started == []
    assert {record["status"] for record in nothing.records.values()} == {"skipped"}
    assert "--reuse only-cache" in nothing.records["shift", "nearest", 0]["reason"]
    run(matrix_of("shift"))
    before = outcomes(store.results)
    shutil.rmtree(store.results / "stages")
    assert run(matrix_of("shift"), reuse="only-cache").started == []
    assert outcomes(store.results) == before


def test_after_the_first_failure_nothing_more_starts_if_so_asked(run, matrix_of):
    stopped = run(matrix_of("raises", "shift"), fail_fast=True)
    assert [kind for kind, *_ in stopped.failed] == ["fit-translator"]
    assert stopped.started[-1] == ("fit-translator", "raises")
    assert "--fail-fast" in stopped.records["shift", "nearest", 0]["reason"]
    assert stopped.summary.failed == 1


def test_a_new_metric_trains_and_predicts_nothing_again(run, matrix_of):
    run(matrix_of("shift", metrics=("accuracy",)))
    wider = run(matrix_of("shift", metrics=("accuracy", "difference", "undefined")))
    assert sorted(wider.started) == [("score-segmentation", "undefined")] * 3 + [("score-translation", "difference")]


def test_a_failed_score_leaves_the_row_done_and_is_not_tried_again_unless_asked(run, matrix_of, choose):
    matrix = matrix_of("shift")
    matrix = replace(matrix, metrics=(*matrix.metrics, choose("metric", "faulty", fault="compute")))
    first = run(matrix)
    assert {key[1:] for key in first.failed} == {("faulty", "failed", "faulty: ValueError: cannot compute")}
    assert (first.summary.cells, first.summary.failed) == ({"done": 3}, 0)
    assert run(matrix).started == []
    assert run(matrix, retry="failed").started == [("score-segmentation", "faulty")] * 3


def test_a_score_that_was_not_tried_leaves_the_record_as_it_was(run, matrix_of, store):
    run(matrix_of("shift", metrics=("accuracy",)))
    [(cell, before)] = [item for item in outcomes(store.results).items() if "shift" in item[0]]
    nothing = run(matrix_of("shift", metrics=("accuracy", "difference")), reuse="only-cache")
    assert nothing.started == []
    assert nothing.records["shift", "nearest", 0]["status"] == "skipped"
    assert outcomes(store.results)[cell] == before


def test_an_interrupted_score_takes_no_value_away(run, matrix_of, store, toys):
    matrix = matrix_of("shift")
    first = run(matrix)
    folder = stage_of(store, toys, matrix, "score-translation")
    shutil.rmtree(folder.path)
    store.record_failure(folder.path.name, "interrupted", "killed")
    assert run(matrix, reuse="always").records["shift", "nearest", 0] == first.records["shift", "nearest", 0]


def test_a_trained_segmenter_is_scored_before_another_is_trained(run, matrix_of):
    kinds = [
        kind for kind, _ in run(matrix_of("shift", "twofold")).started if kind.endswith(("segmenter", "mentation"))
    ]
    assert kinds[:4] == ["fit-segmenter", "score-segmentation"] * 2


def test_the_longest_chain_starts_first(run, matrix_of):
    kinds = [kind for kind, _ in run(matrix_of("shift", "twofold")).started if kind.startswith("fit-")]
    assert kinds[:2] == ["fit-translator", "fit-translator"]


def test_states_tell_what_a_run_would_do_and_change_nothing(matrix_of, toys, store, run):
    matrix = matrix_of("shift", "raises")
    plan = make_plan(matrix, toys)
    assert set(stage_states(plan, store).values()) == {"to-run"}
    assert not store.results.exists()
    run(matrix)
    states = stage_states(plan, store)
    by_kind = {(plan.stages[key].kind, plan.stages[key].plugin): state for key, state in states.items()}
    assert by_kind["fit-translator", "shift"] == "cached"
    assert by_kind["fit-translator", "raises"] == "failed"
    assert by_kind["translate", "raises"] == "blocked"
    assert stage_states(plan, store, retry="failed").keys() == states.keys()
    assert set(stage_states(plan, store, reuse="never").values()) == {"to-run"}
    key = next(key for key in plan.stages if states[key] == "blocked")
    folder = store.stage(plan.stages[key].kind, key)
    assert stage_states(plan, store, retry="failed")[key] == "to-run"
    with folder.lock():
        assert stage_states(plan, store, retry="failed")[key] == "running"
    (folder.start() / "checkpoints").mkdir()
    (folder.work / "checkpoints" / "checkpoint.pt").touch()
    assert stage_states(plan, store, retry="failed")[key] == "resumable"


def test_a_damaged_checkpoint_costs_no_row(run, matrix_of, toys, store):
    matrix = matrix_of("shift")
    stages = make_plan(matrix, toys).stages
    (key,) = (key for key, stage in stages.items() if stage.kind == "fit-translator")
    folder = store.stage("fit-translator", key)
    stopped = StageContext(folder.start())
    stopped.checkpoint(1, {"weight": torch.zeros(1)})
    (checkpoint,) = stopped.checkpoints.iterdir()
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    assert run(matrix).summary.cells == {"done": 3}
    assert "it is removed, and the training starts anew" in (folder.path / "stage.log").read_text()


def test_hooks_hear_of_everything_and_a_raising_one_ends_nothing(run, matrix_of, toys, store, caplog):
    heard = []

    class Ear:
        @hookimpl
        def bench_run_started(self, results, cells, stages):
            heard.append(("run", cells, stages))

        @hookimpl
        def bench_stage_started(self, kind):
            raise RuntimeError("deaf")

        @hookimpl
        def bench_stage_finished(self, kind, folder, seconds):
            assert seconds > 0
            assert (folder / "manifest.json").exists()
            heard.append(("finished", kind))

        @hookimpl
        def bench_stage_failed(self, kind, status, reason):
            heard.append((status, kind))

        @hookimpl
        def bench_run_finished(self, failed):
            heard.append(("end", failed))

    toys.add(Ear(), "ear", "test")
    diary = run(matrix_of("raises"))
    assert heard[0] == ("run", 3, 15)
    assert heard[-1] == ("end", 1)
    assert ("failed", "fit-translator") in heard
    assert heard.count(("finished", "fit-segmenter")) == 2
    assert "deaf" in caplog.text
    assert diary.summary.cells == {"done": 2, "failed": 1}


def test_progress_of_running_stages_is_told(run, matrix_of):
    diary = run(matrix_of("shift", pause=0.2, steps=4), LocalExecutor(LocalOptions(slots=2, gpus=())))
    told = [progress for kind, progress in diary.progress if kind == "fit-translator"]
    assert told
    assert {"done", "total", "unit", "loss"} <= set(told[0])


def test_the_driver_imports_no_heavy_library(drive, matrix_of, store):
    out, _ = drive(matrix_of(), store.results).communicate()
    assert "heavy []\n" in out


def test_two_drivers_share_the_work(drive, matrix_of, store, run, tmp_path):
    matrix = matrix_of("shift", seeds=(0, 1), pause=0.1)
    pair = [drive(matrix, store.results) for _ in range(2)]
    ends = [process.communicate()[0].splitlines()[-1].split() for process in pair]
    assert [process.returncode for process in pair] == [0, 0]
    assert [end[3] for end in ends] == ["0", "0"]
    shared = outcomes(store.results)
    alone = run(matrix)
    assert alone.started == []
    assert sum(int(end[1]) for end in ends) == alone.summary.stages_reused
    assert outcomes(store.results) == shared


@pytest.mark.parametrize("moment", ["prepare", "fit-translator", "fit-segmenter"])
def test_a_killed_driver_leaves_no_orphan_and_the_next_run_ends_like_an_uninterrupted_one(
    drive, matrix_of, toys, store, tmp_path, moment, new_diary
):
    matrix = matrix_of("shift", pause=0.15, steps=4)
    driver = drive(matrix, store.results)
    for line in driver.stdout:
        if line.split()[1] == moment:
            break
    time.sleep(0.3)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    plan = make_plan(matrix, toys)
    folders = [store.stage(stage.kind, key) for key, stage in plan.stages.items()]
    deadline = time.monotonic() + 5
    while any(folder.holder() is not None for folder in folders):
        assert time.monotonic() < deadline, "a stage goes on without its driver"
        time.sleep(0.05)
    assert not all(folder.finished() for folder in folders)
    execute(plan, store, LocalExecutor(LocalOptions(slots=2, gpus=())), toys)
    untouched = Store(tmp_path / "untouched")
    execute(plan, untouched, InlineExecutor(), toys, listener=new_diary())
    assert outcomes(store.results) == outcomes(untouched.results)
    for key, stage in plan.stages.items():
        if stage.kind.startswith("fit-"):
            weights = [place.stage(stage.kind, key).path / "model" / "weight.json" for place in (store, untouched)]
            assert weights[0].read_bytes() == weights[1].read_bytes()


def test_only_plugins_that_come_with_bench_are_imported_ahead_of_their_stages(matrix_of, toys):
    shipped = next(entry.spec for entry in toys.entries() if entry.kind == "metric" and entry.distribution == SHIPPED)
    matrix = matrix_of("shift")
    both = replace(matrix, metrics=(*matrix.metrics, PluginConfig("metric", shipped.name, shipped.name, "1", {})))
    assert _shipped_modules(matrix, toys) == ()
    assert _shipped_modules(both, toys) == (shipped.entry.split(":")[0],)
