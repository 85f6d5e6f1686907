"""Networks on disk, in safetensors: numbers only, so that loading a file runs nothing of it."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from benchmark import StoreError

WEIGHTS = "weights.safetensors"


def save_weights(network: nn.Module, folder: Path) -> None:
    """Write all parameters and buffers of a network into a folder."""
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, folder / WEIGHTS)


def load_weights(network: nn.Module, folder: Path) -> None:
    """Take up what `save_weights` wrote; `StoreError` when the file is not there or does not fit the network."""
    path = folder / WEIGHTS
    try:
        network.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise StoreError(f"{path}: expected the weights of this network, but {reason}; train it again") from error
