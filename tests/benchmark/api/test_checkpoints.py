"""Checkpoints: whole or not at all, never used when damaged, and never in the way of a new attempt."""

import errno
import hashlib
import os
import pickle
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from benchmark.api import checkpoints
from benchmark.api.stage_context import StageContext

WRITE_ON = """
import sys, torch
from pathlib import Path
from benchmark.api.stage_context import StageContext
run = StageContext(Path(sys.argv[1]))
step = (run.last_checkpoint() or (0, {}))[0]
while True:
    step += 1
    run.checkpoint(step, {"weight": torch.full((20_000,), float(step))})
"""


@pytest.fixture
def run(tmp_path):
    """A run with checkpoints of steps 1, 2 and 3."""
    run = StageContext(tmp_path)
    for step in (1, 2, 3):
        run.checkpoint(step, {"weight": torch.full((1000,), float(step))})
    return run


def files(run):
    """The checkpoint files, the oldest first."""
    return sorted(run.checkpoints.iterdir())


def flip_bit(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def forge(run, content):
    """Put a file in the place of the newest checkpoint, under a name that fits its content."""
    files(run)[-1].unlink()
    (run.checkpoints / f"000009-{hashlib.sha256(content).hexdigest()}.pt").write_bytes(content)


def test_the_checkpoint_before_the_newest_is_kept_and_no_other_file(run):
    assert [torch.load(path, weights_only=True)["step"] for path in files(run)] == [2, 3]


def test_the_newest_checkpoint_is_the_one_written_last_whatever_its_step(run):
    run.checkpoint(1, {"phase": "second"})
    assert run.last_checkpoint() == (1, {"phase": "second"})


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 0.999])
def test_after_one_flipped_bit_the_checkpoint_before_is_used(run, share):
    flip_bit(files(run)[-1], int(share * files(run)[-1].stat().st_size))
    step, state = run.last_checkpoint()
    assert step == 2
    assert torch.equal(state["weight"], torch.full((1000,), 2.0))


@pytest.mark.parametrize("length", [0, 1, 1000])
def test_a_truncated_or_empty_checkpoint_is_removed_with_a_line_in_the_log(run, length, caplog):
    damaged = files(run)[-1]
    damaged.write_bytes(damaged.read_bytes()[:length])
    assert run.last_checkpoint()[0] == 2
    assert not damaged.exists()
    (line,) = caplog.messages
    assert str(damaged) in line
    assert "goes on from the one before" in line


def test_when_no_checkpoint_is_intact_the_stage_starts_anew(run, caplog):
    for path in files(run):
        flip_bit(path, 700)
    assert run.last_checkpoint() is None
    assert files(run) == []
    assert "starts anew" in caplog.messages[-1]
    run.checkpoint(1, {})
    assert run.last_checkpoint() == (1, {})


def test_a_kill_while_writing_leaves_the_checkpoint_before(run, monkeypatch):
    def torn(state, path):
        Path(path).write_bytes(b"half a file")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(torch, "save", torn)
        run.checkpoint(4, {})
    assert run.last_checkpoint()[0] == 3
    run.checkpoint(4, {})
    assert run.last_checkpoint() == (4, {})
    assert len(files(run)) == 2


def test_after_kills_at_any_moment_the_last_checkpoint_is_whole(tmp_path):
    steps = [0]
    for delay in (0.0, 0.003, 0.011):
        writer = subprocess.Popen([sys.executable, "-c", WRITE_ON, str(tmp_path)])
        before, deadline = len(steps), time.monotonic() + 60
        while len(steps) == before and time.monotonic() < deadline:
            names = [int(path.name[:6]) for path in tmp_path.glob("checkpoints/*.pt")]
            steps += [max(names)] if names and max(names) > steps[-1] + 3 else []
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        step, state = StageContext(tmp_path).last_checkpoint()
        assert step >= steps[-1] > steps[-2]
        assert torch.equal(state["weight"], torch.full((20_000,), float(step)))


def test_a_checkpoint_is_on_the_disk_before_it_has_its_name(run, monkeypatch):
    events = []
    flush, rename = os.fsync, Path.rename

    def fsync(descriptor):
        events.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        flush(descriptor)

    def noted(path, target):
        events.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", noted)
    run.checkpoint(4, {})
    assert events == ["file", "rename", "folder"]


def test_code_in_a_planted_checkpoint_is_not_run_even_where_torch_is_told_to(run, monkeypatch, tmp_path):
    class Planted:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    torch.save({"step": 4, "state": Planted()}, tmp_path / "planted.pt")
    for content in ((tmp_path / "planted.pt").read_bytes(), pickle.dumps(Planted())):
        forge(run, content)
        assert run.last_checkpoint()[0] == 2
        run.checkpoint(3, {})
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("stored", ["text", {"step": 4}, [4, {}]])
def test_a_file_that_holds_something_else_is_taken_for_damaged(run, tmp_path, stored):
    torch.save(stored, tmp_path / "other.pt")
    forge(run, (tmp_path / "other.pt").read_bytes())
    assert run.last_checkpoint()[0] == 2


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.EMFILE, "Too many open files")])
def test_a_checkpoint_that_cannot_be_read_for_want_of_resources_is_kept(run, monkeypatch, error):
    def fail(*args, **kwargs):
        raise error

    with monkeypatch.context() as patched, pytest.raises(type(error)):
        patched.setattr(torch, "load", fail)
        run.last_checkpoint()
    with monkeypatch.context() as patched, pytest.raises(type(error)):
        patched.setattr(checkpoints, "file_sha256", fail)
        run.last_checkpoint()
    assert run.last_checkpoint()[0] == 3


def test_a_checkpoint_on_a_bad_sector_is_taken_for_damaged(run, monkeypatch):
    bad, read = files(run)[-1], checkpoints.file_sha256

    def digest(path):
        if path == bad:
            raise OSError(errno.EIO, "Input/output error")
        return read(path)

    monkeypatch.setattr(checkpoints, "file_sha256", digest)
    assert run.last_checkpoint()[0] == 2
