"""Cross-entropy over pixels, some of them ignored, with a stated divisor that all segmenters share."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bench_mmseg.options import LossAverage
from benchmark import IGNORE


def cross_entropy(logits: Tensor, targets: Tensor, class_weights: Tensor | None, average: LossAverage) -> Tensor:
    """Cross-entropy summed over the labelled pixels, over `loss_divisor`; 0 where no pixel is labelled.

    Args:
        logits: float32, shape (N, classes, H, W).
        targets: Train ids or 255 (ignored), int64, shape (N, H, W).
        class_weights: Shape (classes,), or None.
        average: Of the options of a segmenter.

    Returns:
        A scalar.
    """
    total = F.cross_entropy(logits, targets, weight=class_weights, ignore_index=IGNORE, reduction="sum")
    return total / loss_divisor(targets, class_weights, average)


def loss_divisor(targets: Tensor, class_weights: Tensor | None, average: LossAverage) -> Tensor:
    """By what a cross-entropy summed over pixels is divided; never 0.

    "labelled": the number of labelled pixels, or the sum of their classes' weights, as torch does. "all": ignored
    pixels count as much as a labelled one does on average; without weights that is the number of all pixels, as in
    mmsegmentation (`avg_non_ignore=False`). With weights mmsegmentation fails as soon as a pixel is ignored. What pads
    an image to the size that a network needs is ignored, and counts like other ignored pixels.

    Args:
        targets: As in `cross_entropy`.
        class_weights: As in `cross_entropy`.
        average: As in `cross_entropy`.

    Returns:
        A float32 scalar on the device of `targets`.
    """
    labelled = targets != IGNORE
    weights = labelled.float()
    if class_weights is not None:
        weights = weights * class_weights.float()[targets.where(labelled, 0)]
    divisor = weights.sum()
    if average == "all":
        pixels = labelled.sum()
        per_pixel = divisor / pixels.clamp_min(1)
        divisor = per_pixel * targets.numel()
    return divisor.clamp_min(torch.finfo(torch.float32).eps)
