"""Images as generators take them and give them, at any size, and pictures of what they do."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import torch
from torch import Tensor, nn


def normalize(images: Tensor) -> Tensor:
    """From [0, 1] to [-1, 1], where networks work, in the layout they like."""
    return (images * 2 - 1).contiguous(memory_format=torch.channels_last)


def denormalize(images: Tensor) -> Tensor:
    """From [-1, 1] to [0, 1] in float32, whatever lies outside cut off."""
    return ((images.float() + 1) / 2).clamp(0, 1)


def pad_to_multiple(images: Tensor, multiple: int, minimum: int = 1) -> Tensor:
    """Mirror images beyond their lower and right border until both sides are multiples of a number.

    Args:
        images: Shape (N, C, H, W) of any size; what is smaller than its border is mirrored again and again.
        multiple: What height and width are to be multiples of.
        minimum: What both are to reach at least.

    Returns:
        Shape (N, C, H', W'), with the given images in the upper left corner; `images` itself where nothing lacks.
    """
    height, width = (-(-max(side, minimum) // multiple) * multiple for side in images.shape[2:])
    if (height, width) == tuple(images.shape[2:]):
        return images
    rows = _mirrored(images.shape[2], height).to(images.device)
    columns = _mirrored(images.shape[3], width).to(images.device)
    return images.index_select(2, rows).index_select(3, columns)


def checksums(images: Tensor) -> list[int]:
    """A number below 2^32 for each image, made of its 8-bit pixels alone.

    Args:
        images: RGB in [0, 1], shape (N, 3, H, W).
    """
    pixels = images.mul(255).round().byte().cpu().contiguous().numpy()
    return [zlib.crc32(image.tobytes()) for image in pixels]


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


def _mirrored(length: int, target: int) -> Tensor:
    """Indices 0, 1, ..., length - 1, length - 2, ..., 1, 0, 1, ... up to `target` of them."""
    period = max(2 * (length - 1), 1)
    positions = torch.arange(target) % period
    return torch.minimum(positions, period - positions) if length > 1 else torch.zeros(target, dtype=torch.long)
