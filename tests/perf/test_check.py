"""The check of a GPU runs every plugin, and says which part failed."""

import json
from pathlib import Path

from benchmark.registry.registry import load_registry
from perf.gpu import check

ROOT = Path(__file__).parents[2]


def test_the_matrix_has_every_translator_and_segmenter(tmp_path):
    registry = load_registry(ROOT)
    arguments = check.matrix_arguments(registry, "cuda", tmp_path, smoke=False)
    for kind in ("translator", "segmenter"):
        asked = set(arguments[arguments.index(f"--{kind}s") + 1].split(","))
        assert asked == {entry.name for entry in registry.entries() if entry.kind == kind}


def test_what_tests_measured_is_read_from_their_report(tmp_path):
    report = tmp_path / "tests.xml"
    report.write_text(
        '<testsuites><testsuite><testcase name="test_a"><properties><property name="resume" value="bit by bit"/>'
        '</properties></testcase><testcase name="test_b"/></testsuite></testsuites>'
    )
    assert check.measurements(report) == [("test_a resume", "bit by bit")]
    assert check.measurements(tmp_path / "none.xml") == []


def test_the_check_goes_on_after_a_part_that_failed_and_its_exit_code_says_so(tmp_path, monkeypatch, capsys):
    statuses = iter(["passed", "failed", "passed"])

    def run(command, log, deadline, environment):
        log.touch()
        return next(statuses)

    monkeypatch.setattr(check, "run_command", run)
    assert check.main(["--device", "cpu", "--smoke", "--out", str(tmp_path)]) == 1
    parts = json.loads((tmp_path / "check.json").read_text())
    assert [(part["part"], part["status"]) for part in parts] == [
        ("doctor", "passed"),
        ("tests", "failed"),
        ("matrix", "passed"),
    ]
    assert "| tests | failed |" in capsys.readouterr().out


def test_parts_can_be_run_in_calls_of_their_own(tmp_path, monkeypatch):
    commands = []

    def run(command, log, deadline, environment):
        log.touch()
        commands.append(command)
        return "passed"

    monkeypatch.setattr(check, "run_command", run)
    assert check.main(["--device", "cpu", "--parts", "matrix", "--out", str(tmp_path)]) == 0
    assert [command[3] for command in commands] == ["matrix"]
