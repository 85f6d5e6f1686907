"""Images as tensors: padded, in 8 bit, and checksums of their pixels."""

from __future__ import annotations

import zlib

import torch
from torch import Tensor


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


def to_8bit(images: Tensor) -> Tensor:
    """From [0, 1] to the nearest whole numbers in [0, 255], uint8; what lies outside is cut off."""
    return images.detach().float().clamp(0, 1).mul(255).round().byte()


def checksums(images: Tensor) -> list[int]:
    """A number below 2^32 for each image, made of its 8-bit pixels alone.

    Args:
        images: RGB in [0, 1], shape (N, 3, H, W).
    """
    pixels = to_8bit(images).cpu().contiguous().numpy()
    return [zlib.crc32(image.tobytes()) for image in pixels]


def _mirrored(length: int, target: int) -> Tensor:
    """Indices 0, 1, ..., length - 1, length - 2, ..., 1, 0, 1, ... up to `target` of them."""
    period = max(2 * (length - 1), 1)
    positions = torch.arange(target) % period
    return torch.minimum(positions, period - positions) if length > 1 else torch.zeros(target, dtype=torch.long)
