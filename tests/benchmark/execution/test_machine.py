"""Cores and GPUs are read from the file system and the environment; devices and formats are as asked for."""

from pathlib import Path

import pytest

from benchmark.errors import UsageError
from benchmark.execution.machine import cores, has_gpu, resolve_device, resolve_precision, visible_gpus


def test_no_driver_means_no_gpu(tmp_path):
    assert not has_gpu({}, tmp_path)


@pytest.mark.parametrize("sign", ["dev/nvidia0", "proc/driver/nvidia/gpus/0000:00:04.0"])
def test_a_driver_file_means_a_gpu_unless_it_is_hidden(tmp_path, sign):
    (tmp_path / sign).mkdir(parents=True)
    assert has_gpu({}, tmp_path)
    assert has_gpu({"CUDA_VISIBLE_DEVICES": "0"}, tmp_path)
    assert not has_gpu({"CUDA_VISIBLE_DEVICES": ""}, tmp_path)
    assert not has_gpu({"CUDA_VISIBLE_DEVICES": "-1"}, tmp_path)


def test_the_driver_tool_means_a_gpu(tmp_path):
    tool = tmp_path / "nvidia-smi"
    tool.touch(mode=0o755)
    assert has_gpu({"PATH": str(tmp_path)}, tmp_path)


@pytest.mark.parametrize(("value", "gpus"), [("", ()), ("-1", ()), ("0,2", ("0", "2")), ("GPU-ab", ("GPU-ab",))])
def test_visible_gpus_are_those_the_environment_names(monkeypatch, value, gpus):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert visible_gpus() == gpus


def test_there_is_at_least_one_core():
    assert 1 <= cores() <= len(list(Path("/sys/devices/system/cpu").glob("cpu[0-9]*")) or [0])


def test_devices_and_formats_are_as_asked_for(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert (resolve_device("cpu"), resolve_device("auto")) == ("cpu", "cpu")
    with pytest.raises(UsageError, match="device: cuda was asked for"):
        resolve_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert (resolve_device("cpu"), resolve_device("auto")) == ("cpu", "cuda")
    assert (resolve_precision("fp32", "cpu"), resolve_precision("bf16", "cpu")) == ("fp32", "bf16")


@pytest.mark.parametrize(("native", "chosen"), [(True, "bf16"), (False, "fp32")])
def test_bf16_is_chosen_where_the_cpu_has_it(monkeypatch, native, chosen):
    monkeypatch.setattr("benchmark.execution.machine.cpu_has_bf16", lambda: native)
    assert resolve_precision("auto", "cpu") == chosen
