"""The mean absolute distance between images, which several metrics are made of."""

from __future__ import annotations

from torch import Tensor


def absolute_distance(first: Tensor, second: Tensor) -> Tensor:
    """Mean absolute difference of each pair of images.

    Args:
        first: float32 in [0, 1], shape (..., 3, H, W).
        second: Of a shape that broadcasts with it.

    Returns:
        float64 in [0, 1], shape (...): 0 for equal images, 1 for black and white.
    """
    return (first.float() - second.float()).abs().mean(dim=(-3, -2, -1)).double()
