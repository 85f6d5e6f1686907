"""The doctor finds what is wrong, says what to do, and exits accordingly."""

import json

import pytest
from click.testing import CliRunner

from benchmark.cli import doctor, main
from benchmark.cli.doctor import (
    FID_FILE,
    Check,
    check_data,
    check_fid_weights,
    check_mmcv,
    check_plugins,
    check_results,
    check_stack,
    importing,
    read_back_checkpoint,
)


@pytest.fixture
def diagnose(monkeypatch):
    def diagnose_checks(*checks, arguments=()):
        monkeypatch.setattr(doctor, "run_checks", lambda results: iter(checks))
        return CliRunner().invoke(main, ["doctor", *arguments])

    return diagnose_checks


FINE, ODD, WRONG = Check("ok", "a", "fine"), Check("warn", "b", "odd", "look"), Check("fail", "c", "wrong", "mend it")


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
    assert {"python", "torch", "mmcv", "resume", "cpu", "bf16", "results", "fid weights", "BENCH_DATA"} <= names
    assert {row["level"] for row in rows if row["name"] in ("torch", "torchvision", "mmcv", "resume")} == {"ok"}


def test_a_missing_package_fails():
    [check] = check_stack(("no-such-package",))
    assert (check.level, check.detail) == ("fail", "not installed: no-such-package")


def test_a_module_that_does_not_import_fails_with_its_reason():
    check = importing("x", "no_such_module", "install x")
    assert check == Check(
        "fail", "x", "cannot be imported: ModuleNotFoundError: No module named 'no_such_module'", "install x"
    )


@pytest.mark.parametrize(
    ("installed", "level"),
    [
        ({"mmcv-lite": "2.1.0"}, "ok"),
        ({"mmcv": "2.1.0"}, "ok"),
        ({"mmcv": "2.2.0"}, "fail"),
        ({"mmcv-lite": "2.10.0"}, "fail"),
        ({"mmcv": "2.1.0", "mmcv-lite": "2.1.0"}, "fail"),
        ({}, "fail"),
    ],
)
def test_only_one_mmcv_below_2_2_is_fine(monkeypatch, installed, level):
    def version(name):
        if name not in installed:
            raise doctor.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(doctor, "version", version)
    assert [check.level for check in check_mmcv()] == [level]


def test_a_checkpoint_that_torch_refuses_fails(monkeypatch):
    import torch

    def refuse(*_, **__):
        raise RuntimeError("Weights only load failed")

    read_back_checkpoint()
    monkeypatch.setattr(torch, "load", refuse)
    [check] = doctor.check_resume()
    assert check.level == "fail"
    assert "Weights only load failed" in check.detail


def test_a_results_folder_need_not_exist_yet(tmp_path):
    [check] = check_results(tmp_path / "new" / "results")
    assert check.level in ("ok", "warn")
    assert not (tmp_path / "new").exists()


def test_a_results_folder_that_is_a_file_fails(tmp_path):
    (tmp_path / "results").touch()
    [check] = check_results(tmp_path / "results")
    assert check.level == "fail"
    assert "BENCH_RESULTS" in check.advice


@pytest.fixture
def weights(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    path = tmp_path / "hub" / "checkpoints" / FID_FILE
    path.parent.mkdir(parents=True)
    return path


def test_absent_fid_weights_are_a_warning_with_their_address(weights):
    [check] = check_fid_weights()
    assert check.level == "warn"
    assert "https://" in check.advice
    assert str(weights) in check.detail


def test_damaged_fid_weights_fail(weights):
    weights.write_bytes(b"half a download")
    [check] = check_fid_weights()
    assert check.level == "fail"


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
    [check] = check_plugins()
    assert check.level == "fail"
    assert "registered by both" in check.detail
