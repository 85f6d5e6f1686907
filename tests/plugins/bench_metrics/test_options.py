"""Where FID and KID look for their weights, told without torch."""

import pytest
import torch

from bench_metrics.bench_plugin import bench_doctor_checks
from bench_metrics.options import WEIGHTS_NAME, InceptionOptions, usual_weights


def test_the_usual_place_is_that_of_torch_hub(tmp_path, monkeypatch):
    for variable, value in [("TORCH_HOME", tmp_path), ("XDG_CACHE_HOME", tmp_path / "cache")]:
        monkeypatch.delenv("TORCH_HOME", raising=False)
        monkeypatch.setenv(variable, str(value))
        assert str(usual_weights().parents[1]) == torch.hub.get_dir()


def test_weights_that_have_come_change_the_resolved_options(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert InceptionOptions().weights is None
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / WEIGHTS_NAME).touch()
    assert InceptionOptions().weights == folder / WEIGHTS_NAME


@pytest.mark.parametrize("variable", ["TORCH_HOME", "XDG_CACHE_HOME"])
def test_the_doctor_looks_where_the_metrics_look(monkeypatch, tmp_path, variable):
    monkeypatch.delenv("TORCH_HOME", raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    [check] = bench_doctor_checks()
    assert str(usual_weights()) in check.detail
