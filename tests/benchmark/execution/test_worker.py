"""One stage in one process: what it is given, and what becomes of whatever it raises."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.api.executor import Job
from benchmark.errors import DataError, PluginError, StoreError, UsageError
from benchmark.execution.worker import (
    _reporter,
    _set_up_torch,
    _status_and_reason,
    outcome_file,
    read_outcome,
    run_job,
    stage_folder,
    stage_name,
)
from benchmark.plan.planner import make_plan
from benchmark.plan.stage_kinds import StageKind


@pytest.fixture
def job(toys, store, matrix_of):
    """A job that prepares data."""
    stage = next(iter(make_plan(matrix_of(), toys).stages.values()))
    return Job(
        results=str(store.results),
        project=str(toys.project),
        kind=stage.kind,
        key=stage.key,
        plugin=stage.plugin,
        seed=stage.seed,
        spec=stage.spec,
        inputs={},
    )


def test_a_stage_is_called_after_its_plugin_its_training_data_and_its_seed(job):
    run_job(job, capture=False)
    trained = replace(job, plugin="nearest", seed=3, inputs={"train": (job.kind, job.key)})
    assert stage_name(trained) == "nearest.on-dots.s3"
    assert stage_name(replace(trained, inputs={})) == "nearest.s3"


def test_a_job_that_is_done_is_found_and_not_run_again(job):
    assert run_job(job, capture=False).status == "done"
    manifest = stage_folder(job).path / "manifest.json"
    before = manifest.stat().st_mtime_ns
    assert run_job(job, capture=False).status == "found"
    assert manifest.stat().st_mtime_ns == before


def test_a_job_that_another_process_works_on_is_busy(job):
    with stage_folder(job).lock():
        assert run_job(job, capture=False).status == "busy"
    assert not stage_folder(job).finished()


def test_a_failed_job_leaves_its_reason_and_its_traceback(job, store):
    broken = replace(job, spec=job.spec | {"split": "nowhere"})
    outcome = run_job(broken, capture=False)
    assert (outcome.status, outcome.reason) == ("failed", "dataset 'dots' has no split 'nowhere'")
    assert "Traceback" in (stage_folder(job).work / "stage.log").read_text()
    assert store.failure(job.key).reason == outcome.reason
    assert run_job(job, capture=False).status == "done"
    assert store.failure(job.key) is None


def test_a_job_file_is_run_by_a_process_that_tells_how_it_ended(job, tmp_path):
    file = tmp_path / "job.json"
    file.write_text(json.dumps(asdict(job)))
    code = "import sys; from benchmark.execution.worker import main; main(sys.argv[1]); print('late words')"
    done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True)
    assert read_outcome(file).status == "done"
    assert done.stdout == ""
    assert "late words" in (stage_folder(job).path / "stage.log").read_text()
    outcome_file(file).unlink()
    assert read_outcome(file) is None


SPEAK = """
import logging, sys
from benchmark.execution import worker
run = worker._run
def speak(job, work):
    logging.getLogger("bench.training").info("step 1")
    logging.getLogger("others").info("chatter")
    logging.getLogger("others").warning("careful")
    run(job, work)
worker._run = speak
worker.main(sys.argv[1])
"""


def test_the_log_of_a_stage_holds_what_the_benchmark_says_and_the_warnings_of_others(job, tmp_path):
    file = tmp_path / "job.json"
    file.write_text(json.dumps(asdict(job)))
    subprocess.run([sys.executable, "-c", SPEAK, str(file)], check=True)
    lines = (stage_folder(job).path / "stage.log").read_text().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["step 1", "careful"]


def test_log_records_of_a_stage_in_this_process_go_into_its_log_alone(job, monkeypatch, capsys):
    monkeypatch.setattr(
        "benchmark.execution.worker._run", lambda job, work: logging.getLogger("bench.training").info("step 1")
    )
    run_job(job, capture=False)
    assert (stage_folder(job).path / "stage.log").read_text().endswith(" step 1\n")
    assert capsys.readouterr() == ("", "")


def test_a_results_folder_that_cannot_be_written_is_a_failure_in_one_line(job, tmp_path):
    (tmp_path / "file").touch()
    outcome = run_job(replace(job, results=str(tmp_path / "file")), capture=False)
    assert outcome.status == "interrupted"
    assert "cannot be written" in outcome.reason


def raised_from(cause):
    error = RuntimeError("writing failed")
    error.__cause__ = cause
    return error


class Mute(Exception):
    def __str__(self):
        raise ValueError("no words")


VERDICTS = [
    (ValueError("first\nsecond"), ("failed", "dream: ValueError: first")),
    (KeyError(), ("failed", "dream: KeyError")),
    (MemoryError(), ("oom", "dream: out of memory (MemoryError)")),
    (RuntimeError("CUDA out of memory. Tried"), ("oom", "dream: out of memory (CUDA out of memory. Tried)")),
    (RuntimeError("DefaultCPUAllocator: can't allocate memory: 1"), ("oom", None)),
    (DataError("the file x is missing"), ("failed", "the file x is missing")),
    (PluginError("importing y failed"), ("invalid", "importing y failed")),
    (UsageError("crop: too large"), ("invalid", "crop: too large")),
    (StoreError("r/x: cannot be written"), ("interrupted", "r/x: cannot be written")),
    (SystemExit(4), ("failed", "dream: ended the process with sys.exit(4)")),
    (OSError(28, "No space left on device"), ("interrupted", "dream: OSError: [Errno 28] No space left on device")),
    (OSError(24, "Too many open files"), ("interrupted", "dream: OSError: [Errno 24] Too many open files")),
    (FileNotFoundError(2, "No such file"), ("failed", "dream: FileNotFoundError: [Errno 2] No such file")),
    (raised_from(OSError(28, "No space left")), ("interrupted", "dream: RuntimeError: writing failed")),
    (Mute(), ("failed", "dream: Mute")),
]


@pytest.mark.parametrize(("error", "verdict"), VERDICTS, ids=lambda value: type(value).__name__)
def test_whatever_a_stage_raises_becomes_a_status_and_one_line(error, verdict):
    status, reason = _status_and_reason(error, "dream")
    assert status == verdict[0]
    assert reason == (verdict[1] or reason)
    assert "\n" not in reason


def test_torchs_own_out_of_memory_error_is_out_of_memory():
    import torch

    assert _status_and_reason(torch.cuda.OutOfMemoryError("Allocation on device"), "dream")[0] == "oom"


def test_an_input_that_is_gone_is_no_failure_of_the_stage(job):
    outcome = run_job(replace(job, inputs={"source": ("prepare", "gone")}), capture=False)
    assert outcome.status == "interrupted"
    assert "an input is not there any more (source)" in outcome.reason


def test_an_exception_that_is_no_exception_class_of_python_ends_its_stage_alone(job, monkeypatch):
    class Own(BaseException):
        pass

    def work(*_):
        raise Own("odd")

    monkeypatch.setattr(StageKind, "import_work", lambda self: work)
    assert run_job(job, capture=False).reason == "dots: Own: odd"


def test_ctrl_c_in_the_process_of_the_driver_is_no_failure(job, monkeypatch):
    def work(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(StageKind, "import_work", lambda self: work)
    with pytest.raises(KeyboardInterrupt):
        run_job(job, capture=False)


@pytest.mark.parametrize("text", ["{}", "[]", '{"status": 3, "reason": "", "log_tail": []}', '{"status": "odd"}', "x"])
def test_an_outcome_that_a_plugin_spoilt_is_none(tmp_path, text):
    outcome_file(tmp_path / "job.json").write_text(text)
    assert read_outcome(tmp_path / "job.json") is None


def test_progress_that_is_no_number_is_reported_once_and_not_written(tmp_path, caplog):
    report = _reporter(tmp_path / "progress.json")
    for done in (float("nan"), "half", None):
        report({"done": done, "total": 3})
    assert not (tmp_path / "progress.json").exists()
    assert caplog.text.count("progress must be given as finite numbers") == 1
    report({"done": 3, "total": 3})
    assert (tmp_path / "progress.json").exists()


def test_numpy_and_torch_and_python_are_seeded_with_the_seed_of_the_stage(job):
    import torch

    _set_up_torch(replace(job, seed=3), "cpu")
    assert np.random.rand() == np.random.RandomState(3).rand()
    assert torch.equal(torch.rand(2), torch.rand(2, generator=torch.Generator().manual_seed(3)))


CHILD = """
import os, subprocess, sys, threading, time
from benchmark.execution.worker import end_with_parent, lead_group
pid = os.fork()
if pid == 0:
    {protection}
    helper = subprocess.Popen(["sleep", "60"])
    print(os.getpid(), helper.pid, flush=True)
    time.sleep(60)
sys.stdin.read()
"""
WATCH = (
    "os.setsid(); end_with_parent(lambda: [time.sleep(0.01) for _ in iter(lambda: os.getppid() == {parent}, False)])"
)


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("protection", ["lead_group()", "parent = os.getppid(); " + WATCH.format(parent="parent")])
def test_a_stage_ends_when_the_process_it_was_forked_from_is_killed(protection):
    command = [sys.executable, "-c", CHILD.format(protection=protection)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        child, helper = map(int, parent.stdout.readline().split())
        parent.kill()
        parent.wait()
        deadline = time.monotonic() + 20
        while is_running(child) and time.monotonic() < deadline:
            time.sleep(0.02)
        still_there = is_running(child)
        for pid in (child, helper):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    assert not still_there
