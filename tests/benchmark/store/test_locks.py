"""A lock holds against other processes for as long as its process lives, and no longer."""

import os
import signal
import subprocess
import sys

import pytest

from benchmark.errors import StoreError
from benchmark.store.locks import Busy, exclusive, holder

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


def test_a_lock_in_a_place_that_is_no_folder_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"), exclusive(tmp_path / "file" / "stage.lock"):
        pass
