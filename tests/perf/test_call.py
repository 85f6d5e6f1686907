"""A call on a GPU machine ends in time, and commands end with it."""

import sys

import pytest

from perf.gpu import call
from perf.gpu.call import Deadline, markdown_table, run_command


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def python(code):
    return [sys.executable, "-c", code]


def test_the_time_left_falls_to_zero_and_no_further():
    clock = Clock()
    deadline = Deadline.after(2, clock)
    assert (deadline.left(), deadline.allows(120), deadline.allows(121)) == (120, True, False)
    clock.now += 150
    assert (deadline.left(), deadline.allows(0), deadline.allows(1)) == (0, True, False)


@pytest.mark.parametrize(("code", "status"), [("print('hello')", "passed"), ("import sys; sys.exit('bad')", "failed")])
def test_a_command_passes_or_fails_by_its_exit_code_and_its_output_is_kept(tmp_path, code, status):
    assert run_command(python(code), tmp_path / "log", Deadline.after(1)) == status
    log = (tmp_path / "log").read_text()
    assert code in log
    assert ("hello" in log) == (status == "passed")


def test_a_command_finds_the_variables_that_are_set_for_it(tmp_path):
    code = "import os, sys; sys.exit(os.environ['WANTED'] != 'yes')"
    assert run_command(python(code), tmp_path / "log", Deadline.after(1), {"WANTED": "yes"}) == "passed"


def test_a_command_is_not_begun_when_too_little_time_is_left(tmp_path):
    assert run_command(python("print('begun')"), tmp_path / "log", Deadline.after(0.1)) == "out of time"
    assert not (tmp_path / "log").exists()


SLEEP = "import time\nprint('begun', flush=True)\ntime.sleep(60)"
DEAF = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n" + SLEEP


@pytest.mark.parametrize("code", [SLEEP, DEAF], ids=["ends when interrupted", "must be killed"])
def test_a_command_is_ended_when_time_is_up(tmp_path, monkeypatch, code):
    monkeypatch.setattr(call, "SECONDS_TO_END", 1)
    deadline = Deadline.after(4 / 60)
    assert run_command(python(code), tmp_path / "log", deadline) == "out of time"
    assert ("KeyboardInterrupt" in (tmp_path / "log").read_text()) == (code == SLEEP)


def test_a_table_has_a_line_for_each_row():
    assert markdown_table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"
