"""The doctor finds what is wrong, says what to do, and exits accordingly."""

import json

import pytest
from click.testing import CliRunner

from benchmark import DoctorCheck, check_import
from benchmark.cli import doctor, main
from benchmark.cli.doctor import check_data, check_plugins, check_results, check_stack


@pytest.fixture
def diagnose(monkeypatch):
    def diagnose_checks(*checks, arguments=()):
        monkeypatch.setattr(doctor, "run_checks", lambda results: iter(checks))
        return CliRunner().invoke(main, ["doctor", *arguments])

    return diagnose_checks


FINE, ODD, WRONG = (
    DoctorCheck("ok", "a", "fine"),
    DoctorCheck("warn", "b", "odd", "look"),
    DoctorCheck("fail", "c", "wrong", "mend it"),
)


def test_a_line_tells_level_finding_and_advice(diagnose):
    assert diagnose(FINE, WRONG).output == "ok    a: fine\nfail  c: wrong\n      -> mend it\n"


def test_the_exit_code_is_1_only_when_something_fails(diagnose):
    assert diagnose(FINE, ODD).exit_code == 0
    assert diagnose(FINE, ODD, WRONG).exit_code == 1


def test_programs_get_an_array(diagnose):
    rows = json.loads(diagnose(ODD, arguments=["--json"]).output)
    assert rows == [{"level": "warn", "name": "b", "detail": "odd", "advice": "look"}]


def test_the_whole_doctor_runs_here_and_looks_at_everything(project):
    rows = json.loads(CliRunner().invoke(main, ["doctor", "--json"]).stdout)
    names = {row["name"] for row in rows}
    assert {"python", "torch", "mmcv", "cpu", "bf16", "results", "fid weights", "BENCH_DATA"} <= names
    assert {row["level"] for row in rows if row["name"] in ("torch", "torchvision", "mmcv")} == {"ok"}


def test_a_missing_package_fails():
    [check] = check_stack(("no-such-package",))
    assert (check.level, check.detail) == ("fail", "not installed: no-such-package")


def test_a_module_that_does_not_import_fails_with_its_reason():
    check = check_import("x", "no_such_module", "install x")
    assert check == DoctorCheck(
        "fail", "x", "cannot be imported: ModuleNotFoundError: No module named 'no_such_module'", "install x"
    )


def test_a_results_folder_need_not_exist_yet(tmp_path):
    [check] = check_results(tmp_path / "new" / "results")
    assert check.level in ("ok", "warn")
    assert not (tmp_path / "new").exists()


def test_a_results_folder_that_is_a_file_fails(tmp_path):
    (tmp_path / "results").touch()
    [check] = check_results(tmp_path / "results")
    assert check.level == "fail"
    assert "BENCH_RESULTS" in check.advice


def test_a_data_folder_must_exist(tmp_path):
    assert [check.level for check in check_data(str(tmp_path))] == ["ok"]
    assert [check.level for check in check_data(None)] == ["ok"]
    assert [check.level for check in check_data(str(tmp_path / "none"))] == ["fail"]


def test_broken_plugins_are_named(project, install, write):
    install("remote-dreams", "import nowhere")
    write(project / "registry.toml", '[[translator]]\nname = "x"\nentry = "toys.py:Nothing"\n')
    failed = {check.name: check for check in check_plugins() if check.level == "fail"}
    assert "No module named 'nowhere'" in failed["package remote_dreams"].detail
    assert "toys.py:Nothing" in failed["translator x"].detail


def test_a_clash_of_names_is_a_finding_and_no_crash(project, write):
    write(project / "registry.toml", '[[translator]]\nname = "cyclegan"\nentry = "toys.py:Dream"\n')
    [check] = [check for check in check_plugins() if check.level == "fail"]
    assert check.name == "translator cyclegan"
    assert "registered by both" in check.detail
