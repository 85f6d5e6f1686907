"""`bench status` tells finished, running, interrupted and failed stages apart, from the disk alone."""

import json
import os

import pytest
from click.testing import CliRunner

from benchmark.cli import main
from benchmark.store.json_files import write_json
from benchmark.store.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


def _begin(store, key, kind="fit-translator", seed=0, **progress):
    """A stage in work, as its worker leaves it on disk."""
    folder = store.stage(kind, key)
    work = folder.start()
    write_json(work / "stage.json", {"kind": kind, "plugin": "cyclegan", "seed": seed})
    (work / "stage.log").write_text("one\ntwo\nthree\nfour\n")
    if progress:
        write_json(work / "progress.json", progress)
    return folder


def _status(store, *arguments):
    return CliRunner().invoke(main, ["status", "--results", str(store.results), *arguments])


def _by_key(store):
    return {stage["key"]: stage for stage in json.loads(_status(store, "--json").stdout)}


def test_a_finished_stage_tells_what_it_took(store):
    folder = _begin(store, "done")
    (folder.work / "weights.bin").write_bytes(bytes(1_500_000))
    write_json(folder.work / "result.json", {"seconds": 75})
    folder.finish()
    stage = _by_key(store)["done"]
    assert (stage["state"], stage["name"], stage["detail"]) == ("finished", "cyclegan, seed 0", "0:01:15")
    assert stage["bytes"] > 1_500_000
    assert "1.5 MB" in _status(store).stdout


def test_a_stage_whose_lock_is_held_is_running_and_tells_how_far_it_is(store):
    folder = _begin(store, "busy", done=40, total=100, unit="images")
    with folder.lock():
        stage = _by_key(store)["busy"]
    assert stage["state"] == "running"
    assert "40/100 images" in stage["detail"]
    assert str(os.getpid()) in stage["detail"]


@pytest.mark.parametrize(("checkpoint", "expected"), [(True, "goes on from its checkpoint"), (False, "starts anew")])
def test_a_stage_that_nobody_works_on_is_interrupted(store, checkpoint, expected):
    folder = _begin(store, "dead", done=40, total=100)
    if checkpoint:
        (folder.work / "checkpoints").mkdir()
        (folder.work / "checkpoints" / "checkpoint.pt").write_bytes(b"x")
    stage = _by_key(store)["dead"]
    assert stage["state"] == "interrupted"
    assert expected in stage["detail"]


def test_a_failed_stage_shows_its_reason_and_last_lines(store):
    _begin(store, "bad")
    store.record_failure("bad", "oom", "killed at 2 GB", ["one", "two", "three", "four"])
    stage = _by_key(store)["bad"]
    assert (stage["state"], stage["detail"]) == ("failed", "oom: killed at 2 GB")
    text = _status(store).stdout
    assert "FAILED  fit-translator cyclegan, seed 0 [bad]: oom: killed at 2 GB" in text
    assert "| four" in text
    assert "| one" not in text
    assert "stage.log" in text


def test_a_failure_that_left_no_folder_is_still_told(store):
    store.results.mkdir()
    store.record_failure("ghost", "failed", "exit code 3")
    assert _by_key(store)["ghost"]["detail"] == "failed: exit code 3"


def test_states_are_counted_by_kind(store):
    _begin(store, "a").finish()
    _begin(store, "b").finish()
    _begin(store, "c", kind="translate")
    lines = [line.split() for line in _status(store).stdout.splitlines()]
    assert ["fit-translator", "2", "-", "-", "-", "0.0", "MB"] in lines
    assert ["translate", "-", "-", "1", "-", "0.0", "MB"] in lines


def test_a_missing_folder_is_a_wrong_use(store):
    outcome = _status(store)
    assert outcome.exit_code == 2
    assert "no such results folder" in outcome.stderr


def test_a_published_folder_is_said_to_have_records_and_no_stages(store):
    write_json(store.results / "records" / "a.json", {})
    text = _status(store).stdout
    assert "1 record without stages, as in a published folder" in text
    assert f"bench leaderboard --results {store.results}" in text
    assert "0 stages" not in text


def test_an_empty_folder_says_what_to_do(store):
    store.results.mkdir()
    assert "empty; run `bench matrix`" in _status(store).stdout


def test_progress_that_a_plugin_wrote_wrongly_is_no_traceback(store):
    folder = _begin(store, "busy", done=40)
    with folder.lock():
        assert "no progress reported yet" in _by_key(store)["busy"]["detail"]
