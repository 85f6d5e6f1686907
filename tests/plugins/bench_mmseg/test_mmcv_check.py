"""The checks of mmcv that `bench doctor` shows."""

import pytest

from bench_mmseg import bench_plugin


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
            raise bench_plugin.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(bench_plugin, "version", version)
    assert bench_plugin.check_mmcv().level == level
