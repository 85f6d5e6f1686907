"""Weights survive the way to the disk, and a damaged file is one clear error."""

import pytest
import torch

from bench_engine.weights import WEIGHTS, load_weights, save_weights
from benchmark import StoreError


def network(width=3):
    return torch.nn.Conv2d(3, width, 3).to(memory_format=torch.channels_last)


def test_loaded_weights_equal_the_saved_ones(tmp_path):
    saved, loaded = network(), network()
    save_weights(saved, tmp_path)
    load_weights(loaded, tmp_path)
    assert torch.equal(saved.weight, loaded.weight)
    assert loaded.weight.is_contiguous(memory_format=torch.channels_last)


def test_missing_damaged_and_unfitting_weights_are_told_in_one_line(tmp_path):
    with pytest.raises(StoreError, match="expected the weights"):
        load_weights(network(), tmp_path)
    (tmp_path / WEIGHTS).write_bytes(b"no weights")
    with pytest.raises(StoreError, match="expected the weights"):
        load_weights(network(), tmp_path)
    save_weights(network(4), tmp_path)
    with pytest.raises(StoreError) as raised:
        load_weights(network(), tmp_path)
    assert "\n" not in str(raised.value)
