"""Bilinear resizing that stays channels last in both directions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def bilinear(features: Tensor, size: tuple[int, ...]) -> Tensor:
    """Features resized to a height and width, not aligned at the corners.

    torch resizes in the layout of what comes in: forwards that of the features, backwards that of the gradient, which
    a softmax or a concatenation hands back in another one. On a CPU channels last is five to ten times as fast.

    Args:
        features: Shape (N, C, h, w).
        size: Height H and width W of the result.

    Returns:
        Shape (N, C, H, W), channels last.
    """
    resized = F.interpolate(_channels_last(features), size=tuple(size), mode="bilinear", align_corners=False)
    if resized.requires_grad:
        resized.register_hook(_channels_last)
    return resized


def _channels_last(values: Tensor) -> Tensor:
    return values.contiguous(memory_format=torch.channels_last)
