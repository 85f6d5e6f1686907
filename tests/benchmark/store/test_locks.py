"""A lock holds against other processes for as long as its process lives, and no longer."""

import json
import os
import signal
import subprocess
import sys

import pytest

from benchmark.errors import StoreError
from benchmark.store import locks
from benchmark.store.locks import Busy, exclusive, holder, shared

HOLD = """
import subprocess, sys
from pathlib import Path
from benchmark.store.locks import exclusive
with exclusive(Path(sys.argv[1])):
    helper = subprocess.Popen(["sleep", "60"])
    print("locked", helper.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other_holder(tmp_path):
    path = tmp_path / "stage.lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    helper = int(process.stdout.readline().split()[1])
    yield path, process
    process.kill()
    process.wait()
    os.kill(helper, signal.SIGKILL)


def test_a_lock_excludes_other_processes_and_tells_who_holds_it(other_holder):
    path, process = other_holder
    assert holder(path)["pid"] == process.pid
    assert set(holder(path)) == {"pid", "host", "since"}
    with pytest.raises(Busy), exclusive(path):
        pass


def test_death_frees_a_lock_even_while_a_helper_of_the_dead_lives_on(other_holder):
    path, process = other_holder
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert path.exists()
    assert holder(path) is None
    with exclusive(path):
        assert holder(path)["pid"] == os.getpid()


def test_a_freed_lock_leaves_no_file(tmp_path):
    with exclusive(tmp_path / "a" / "stage.lock"):
        assert (tmp_path / "a" / "stage.lock").is_file()
    assert list((tmp_path / "a").iterdir()) == []


def test_asking_who_holds_a_lock_of_ones_own_does_not_free_it(tmp_path):
    path = tmp_path / "stage.lock"
    with exclusive(path):
        assert holder(path)["pid"] == os.getpid()
        with pytest.raises(Busy), exclusive(path):
            pass
        code = "import sys; from pathlib import Path; from benchmark.store.locks import holder\n"
        code += "print(holder(Path(sys.argv[1])))"
        told = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert str(os.getpid()) in told.stdout


def test_a_lock_that_may_only_be_read_still_tells_that_it_is_held(other_holder, monkeypatch):
    path, process = other_holder
    opened = os.open

    def refuse_writing(place, flags, *mode):
        if flags & (os.O_RDWR | os.O_WRONLY):
            raise PermissionError(13, "Permission denied", str(place))
        return opened(place, flags, *mode)

    monkeypatch.setattr(os, "open", refuse_writing)
    assert holder(path)["pid"] == process.pid


def test_a_lock_that_is_a_link_is_refused_and_its_target_left_alone(tmp_path):
    (tmp_path / "precious").write_text("content")
    (tmp_path / "stage.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(StoreError), exclusive(tmp_path / "stage.lock"):
        pass
    assert (tmp_path / "precious").read_text() == "content"
    assert holder(tmp_path / "stage.lock") is None


def test_a_lock_whose_file_its_last_holder_removed_is_taken_on_the_file_that_others_open(tmp_path, monkeypatch):
    path = tmp_path / "stage.lock"
    lock, calls = locks._lock, []

    def lock_after_another_holder_went(descriptor):
        if not calls:
            path.unlink()
        calls.append(descriptor)
        lock(descriptor)

    monkeypatch.setattr(locks, "_lock", lock_after_another_holder_went)
    with exclusive(path):
        assert len(calls) == 2
        code = "import sys; from pathlib import Path; from benchmark.store.locks import holder\n"
        code += "print(holder(Path(sys.argv[1])) is not None)"
        seen = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert seen.stdout == "True\n"


SHARE = """
import sys
from pathlib import Path
from benchmark.store.locks import shared
with shared(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_a_shared_lock_admits_others_but_none_that_wants_to_be_alone_first(tmp_path):
    path, done = tmp_path / "drivers.lock", []
    command = [sys.executable, "-c", SHARE, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        other.stdout.readline()
        with shared(path):
            pass
        with pytest.raises(Busy), shared(path, exclusive_first=lambda: done.append("too early")):
            pass
        other.stdin.close()
    with shared(path, exclusive_first=lambda: done.append("alone")):
        assert done == ["alone"]


def test_a_lock_in_a_place_that_is_no_folder_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"), exclusive(tmp_path / "file" / "stage.lock"):
        pass


def test_a_lock_tells_its_holder_whatever_a_dead_one_left_in_the_file(tmp_path):
    path = tmp_path / "stage.lock"
    path.write_text("x" * 1000)
    with exclusive(path):
        assert set(json.loads(path.read_text())) == {"pid", "host", "since"}
