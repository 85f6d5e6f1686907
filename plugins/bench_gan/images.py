"""Images as generators take them and give them, at any size, and pictures of what they do."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def normalize(images: Tensor) -> Tensor:
    """From [0, 1] to [-1, 1], where networks work, in the layout they like."""
    return (images * 2 - 1).contiguous(memory_format=torch.channels_last)


def denormalize(images: Tensor) -> Tensor:
    """From [-1, 1] to [0, 1] in float32, whatever lies outside cut off."""
    return ((images.float() + 1) / 2).clamp(0, 1)


@torch.no_grad()
def run_generator(network: nn.Module, images: Tensor, *conditions: Tensor) -> Tensor:
    """Pass images in [0, 1] through a generator that works in [-1, 1].

    Args:
        network: From images to images of the same shape.
        images: float32, shape (N, 3, H, W), on the device of the network.
        conditions: What else it takes, latents for instance.

    Returns:
        float32 in [0, 1], shape (N, 3, H, W). The network is left in evaluation mode.
    """
    return denormalize(network.eval()(normalize(images), *conditions)).contiguous()


def image_grid(rows: Sequence[Tensor], gap: int = 2) -> Tensor:
    """Batches of images below each other, each batch in a row, as one picture.

    Args:
        rows: Each in [0, 1], shape (N, 3, H, W), all alike.
        gap: White pixels between images.

    Returns:
        Shape (3, H', W').
    """
    stacked = torch.stack([row.float() for row in rows])
    count_rows, count, channels, height, width = stacked.shape
    cells = torch.ones(count_rows, count, channels, height + gap, width + gap, device=stacked.device)
    cells[..., :height, :width] = stacked
    picture = cells.permute(2, 0, 3, 1, 4).reshape(channels, count_rows * (height + gap), count * (width + gap))
    return picture[:, : picture.shape[1] - gap, : picture.shape[2] - gap]
