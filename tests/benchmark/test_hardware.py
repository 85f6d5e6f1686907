"""A GPU is told from the file system and the environment alone."""

import pytest

from benchmark.hardware import has_gpu


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
