"""One stage in one process: what it is given, and what becomes of whatever it raises."""

import json
import logging
import subprocess
import sys
from dataclasses import asdict, replace

import pytest

from benchmark.api.executor import Job
from benchmark.errors import DataError, PluginError, StoreError, UsageError
from benchmark.execution.worker import _verdict, outcome_file, read_outcome, run_job, stage_folder
from benchmark.plan.planner import make_plan


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
]


@pytest.mark.parametrize(("error", "verdict"), VERDICTS, ids=lambda value: type(value).__name__)
def test_whatever_a_stage_raises_becomes_a_status_and_one_line(error, verdict):
    status, reason = _verdict(error, "dream")
    assert status == verdict[0]
    assert reason == (verdict[1] or reason)
    assert "\n" not in reason


def test_torchs_own_out_of_memory_error_is_out_of_memory():
    import torch

    assert _verdict(torch.cuda.OutOfMemoryError("Allocation on device"), "dream")[0] == "oom"
