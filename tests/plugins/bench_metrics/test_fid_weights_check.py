"""The check of the Inception weights that `bench doctor` shows."""

import pytest

from bench_metrics.bench_plugin import bench_doctor_checks
from bench_metrics.options import WEIGHTS_NAME


@pytest.fixture
def weights(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    path = tmp_path / "hub" / "checkpoints" / WEIGHTS_NAME
    path.parent.mkdir(parents=True)
    return path


def test_absent_fid_weights_are_a_warning_with_their_address(weights):
    [check] = bench_doctor_checks()
    assert check.level == "warn"
    assert "https://" in check.advice
    assert str(weights) in check.detail


def test_damaged_fid_weights_fail(weights):
    weights.write_bytes(b"half a download")
    [check] = bench_doctor_checks()
    assert check.level == "fail"
