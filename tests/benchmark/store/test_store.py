"""A stage is there whole or not at all; damage is seen; failures are remembered."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.errors import PluginError, StoreError
from benchmark.store.json_files import plain, read_json, write_json
from benchmark.store.store import Store, store_errors


@pytest.fixture
def finished(store):
    folder = store.stage("translate", "k1")
    with folder.lock():
        work = folder.start()
        (work / "pictures").mkdir()
        (work / "images.npy").write_bytes(b"0123456789")
        (work / "pictures" / "a.png").write_bytes(b"png")
        (work / "checkpoints").mkdir()
        (work / "checkpoints" / "big.pt").write_bytes(b"weights")
        write_json(work / "progress.json", {"done": 1, "total": 2})
        assert not folder.finished()
        folder.finish()
    return folder


def test_a_finished_stage_has_its_files_and_a_manifest_and_no_scratch(finished):
    files = {path.relative_to(finished.path).as_posix() for path in finished.path.rglob("*") if path.is_file()}
    assert files == {"images.npy", "pictures/a.png", "manifest.json"}
    assert [path.name for path in finished.path.parent.iterdir()] == ["k1"]
    assert finished.finished()
    assert finished.intact()


def test_the_manifest_holds_size_and_sha256_of_every_file(finished):
    entries = read_json(finished.path / "manifest.json")["files"]
    tool = subprocess.run(["sha256sum", finished.path / "images.npy"], capture_output=True, text=True, check=True)
    assert entries["images.npy"] == {"size": 10, "sha256": tool.stdout.split()[0]}
    assert set(entries) == {"images.npy", "pictures/a.png"}


@pytest.mark.parametrize("damage", ["truncated", "missing", "no manifest"])
def test_a_stage_with_a_file_of_another_size_is_not_finished(finished, damage):
    if damage == "truncated":
        (finished.path / "images.npy").write_bytes(b"01234")
    elif damage == "missing":
        (finished.path / "images.npy").unlink()
    else:
        (finished.path / "manifest.json").write_text('{"files": {')
    assert not finished.finished()
    assert not finished.intact()


@pytest.mark.parametrize("name", ["pictures/a.png", "stage.log", "tensorboard/events"])
def test_a_stage_without_its_log_or_pictures_is_still_finished(store, name):
    folder = store.stage("translate", "k1")
    work = folder.start()
    (work / "images.npy").write_bytes(b"0123456789")
    (work / name).parent.mkdir(exist_ok=True)
    (work / name).write_bytes(b"text")
    folder.finish()
    (folder.path / name).unlink()
    assert folder.finished()
    assert folder.intact()


def test_a_stage_that_wrote_a_manifest_of_its_own_is_refused(store):
    folder = store.stage("translate", "k1")
    (folder.start() / "manifest.json").write_text("{}")
    with pytest.raises(PluginError, match=r"a plugin wrote manifest\.json"):
        folder.finish()


def test_what_an_interrupted_write_left_is_no_part_of_a_finished_stage(store):
    folder = store.stage("translate", "k1")
    (folder.start() / ".metrics.json.1.partial").write_text("half")
    folder.finish()
    assert [path.name for path in folder.path.iterdir()] == ["manifest.json"]


def test_files_are_on_disk_before_the_stage_has_its_name_and_its_folder_after(store, monkeypatch):
    folder = store.stage("translate", "k1")
    image = folder.start() / "images.npy"
    image.write_bytes(b"0123456789")
    inodes = {path.stat().st_ino: path.name for path in (folder.work.parent, folder.work, image)}
    flushed = []

    def fsync(descriptor):
        flushed.append((inodes.get(os.fstat(descriptor).st_ino, "manifest.json"), folder.path.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    folder.finish()
    assert flushed[-1] == ("translate", True)
    assert {name for name, named in flushed if not named} == {"images.npy", "manifest.json", "k1.work"}


def test_a_stage_whose_removal_is_cut_short_does_not_lie_under_its_name(finished, monkeypatch):
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)
    finished.start()
    assert not finished.path.exists()


def test_discarding_a_stage_takes_its_checkpoints_too(finished):
    (finished.work / "checkpoints").mkdir(parents=True)
    (finished.work / "checkpoints" / "checkpoint.pt").touch()
    finished.discard(only_damaged=False)
    assert not finished.resumable()
    assert not finished.path.exists()


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    write_json(tmp_path / "a.json", {"old": 1})

    def fail(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(StoreError, match="No space left"):
        write_json(tmp_path / "a.json", {"new": 2})
    assert read_json(tmp_path / "a.json") == {"old": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_long_lines_of_a_log_are_cut(store):
    folder = store.stage("translate", "k")
    (folder.start() / "stage.log").write_text("x" * 3000 + "\n")
    assert folder.log_tail() == ("x" * 500,)


def test_json_that_is_nested_too_deep_is_none(tmp_path):
    (tmp_path / "deep.json").write_text("[" * 200_000)
    assert read_json(tmp_path / "deep.json") is None


@pytest.mark.parametrize("report", ['{"done": null, "total": 3}', '{"done": "two", "total": 3}', '{"done": 1}', "[]"])
def test_progress_that_is_no_number_is_none(store, report):
    folder = store.stage("translate", "k")
    (folder.start() / "progress.json").write_text(report)
    assert folder.progress() is None


def test_an_error_of_the_system_that_concerns_no_file_is_not_told_as_one_of_the_folder():
    expected = r"^the system refused what bench needs \(Cannot allocate memory\)$"
    with pytest.raises(StoreError, match=expected), store_errors():
        raise OSError(12, "Cannot allocate memory")


def test_a_changed_byte_is_found_by_the_hash_and_only_then_discarded(finished):
    assert not finished.discard(only_damaged=True)
    (finished.path / "images.npy").write_bytes(b"0123456780")
    assert finished.finished()
    assert not finished.intact()
    assert finished.discard(only_damaged=True)
    assert not finished.path.exists()


def test_a_stage_that_another_process_works_on_is_not_discarded(finished):
    with finished.lock():
        assert finished.discard(only_damaged=False)
        assert finished.finished()


def test_work_with_a_checkpoint_is_taken_up_and_other_work_starts_empty(store):
    folder = store.stage("fit-translator", "k2")
    (folder.start() / "half.npy").touch()
    assert not folder.resumable()
    assert list(folder.start().iterdir()) == []
    (folder.work / "checkpoints").mkdir()
    (folder.work / "checkpoints" / "checkpoint.pt").touch()
    assert folder.resumable()
    assert [path.name for path in folder.start().iterdir()] == ["checkpoints"]


def test_a_process_killed_while_it_finishes_leaves_no_finished_stage(store):
    code = """
import os, signal, sys
from pathlib import Path
from benchmark.store import stage_folder
from benchmark.store.store import Store, store_errors
folder = Store(Path(sys.argv[1])).stage("translate", "k3")
(folder.start() / "images.npy").write_bytes(b"0123456789")
stage_folder.flush_to_disk = lambda path: os.kill(os.getpid(), signal.SIGKILL)
folder.finish()
"""
    done = subprocess.run([sys.executable, "-c", code, str(store.results)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not store.stage("translate", "k3").finished()
    assert (store.stage("translate", "k3").work / "manifest.json").exists()


def test_failures_are_counted_kept_and_forgotten(store):
    assert store.failure("k") is None
    store.record_failure("k", "oom", "out of memory", ["line"])
    store.record_failure("k", "failed", "ValueError: no")
    failure = store.failure("k")
    assert (failure.status, failure.reason, failure.attempts) == ("failed", "ValueError: no", 2)
    store.clear_failure("k")
    assert store.failure("k") is None


def test_a_failure_that_cannot_be_read_is_none(store):
    (store.results / "failures").mkdir(parents=True)
    attempts = '{"status": "failed", "reason": "no", "log_tail": [], "attempts": "twice"}'
    for text in ("", "[]", '{"status": "failed"}', '{"log_tail": [], "other": 1}', attempts):
        (store.results / "failures" / "k.json").write_text(text)
        assert store.failure("k") is None


def test_the_log_tail_is_the_last_lines_that_are_not_empty(store):
    folder = store.stage("translate", "k")
    assert folder.log_tail() == ()
    (folder.start() / "stage.log").write_text("\n".join(f"line {n}\n" for n in range(100)))
    assert folder.log_tail()[-1] == "line 99"
    assert len(folder.log_tail()) == 20


def test_a_results_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot be written .*--results"):
        Store(tmp_path / "file").check_writable()
    with pytest.raises(StoreError, match=r"cannot be written .*--results"):
        write_json(tmp_path / "file" / "a.json", {})


def test_what_plugins_report_becomes_json():
    import numpy as np

    told = {"a": np.float32(0.5), 1: (np.arange(2), float("nan")), "b": None, "c": {"d": True}, "e": object}
    assert json.loads(json.dumps(plain(told), allow_nan=False)) == {
        "a": 0.5,
        "1": [[0, 1], None],
        "b": None,
        "c": {"d": True},
        "e": str(object),
    }
