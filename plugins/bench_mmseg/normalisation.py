"""Batch norm: what it needs of a batch, and how its statistics are adapted to a domain after training (AdaBN)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.hooks import RemovableHandle

from benchmark import DataError, ImageSet, StageContext, Unavailable, UsageError

LEAST_IMAGES = 2
"""A pooled image leaves one value per image and channel, which has no deviation in a batch of one."""


def batch_norms(network: nn.Module) -> list[_BatchNorm]:
    """The layers of a network that normalise by running statistics when it predicts."""
    return [layer for layer in network.modules() if isinstance(layer, _BatchNorm) and layer.running_mean is not None]


def check_batch(batch_size: int, size: tuple[int, int], stride: int) -> None:
    """Raise `UsageError` where the coarsest features of a training step leave one value per channel to normalise.

    Args:
        batch_size: Images of a step.
        size: Their height and width.
        stride: Image size over size of these features, rounded up.
    """
    if batch_size == 1 and max(size) <= stride:
        raise UsageError(
            f"batch_size: expected at least 2 for images of {size[0]} x {size[1]} pixels, whose coarsest features are "
            f"one pixel, but it is 1; or use images of more than {stride} pixels"
        )


def estimate_statistics(
    network: nn.Module, forward: Callable[[Tensor], object], data: ImageSet, batch_size: int, context: StageContext
) -> None:
    """Replace running means and variances by averages over an image set, of which every image counts the same.

    Each layer normalises a batch by the batch's own statistics, as in training; these are averaged in one pass over the
    set. Layers that no image reaches, such as those of an auxiliary head, keep theirs.

    Args:
        network: Trained; it is left in evaluation mode.
        forward: Passes images (N, 3, H, W) through the network.
        data: Images, seen once, in their order and as they are.
        batch_size: Least number of images of a batch; batches may have up to twice as many.
        context: Progress goes there.

    Raises:
        Unavailable: The network has no such layer.
        DataError: Fewer than two images.

    Source: Li et al. 2016, arXiv:1603.04779, section 3.3.
    """
    layers = batch_norms(network)
    if not layers:
        raise Unavailable(
            "statistics of the target: expected batch norm with running statistics, but this network has none; choose "
            "a segmenter that has, or leave this row out"
        )
    if len(data) < LEAST_IMAGES:
        raise DataError(f"statistics of the target: expected at least 2 images, but there are {len(data)}")
    network.eval()
    done = 0
    with torch.no_grad(), _averaging(layers):
        for indices in _batches(len(data), max(LEAST_IMAGES, batch_size)):
            forward(data.image_batch(indices))
            done += len(indices)
            context.progress(done, len(data))


def _batches(count: int, size: int) -> Iterator[list[int]]:
    """Indices of batches that differ by one at most: a small last one would have poor statistics."""
    parts = torch.arange(count).tensor_split(max(1, count // size))
    return (part.tolist() for part in parts)


@contextmanager
def _averaging(layers: list[_BatchNorm]) -> Iterator[None]:
    """Let layers use the statistics of their batch, and average them over all images instead of forgetting old ones."""
    seen: Counter[nn.Module] = Counter()
    momenta = [layer.momentum for layer in layers]

    def weigh(layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        images = len(inputs[0])
        seen[layer] += images
        layer.momentum = images / seen[layer]  # type: ignore[assignment]  # what the newest batch weighs

    handles: list[RemovableHandle] = [layer.register_forward_pre_hook(weigh) for layer in layers]
    for layer in layers:
        layer.train()
    try:
        yield
    finally:
        for layer, momentum, handle in zip(layers, momenta, handles, strict=True):
            handle.remove()
            layer.momentum = momentum
            layer.eval()
