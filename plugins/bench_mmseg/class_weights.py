"""Class weights of the cross-entropy, from how often each class is seen in the training labels."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

ENET_CONSTANT = 1.02


def image_counts(labels: Iterable[Tensor], classes: int) -> Tensor:
    """Pixels of each class in each image.

    Args:
        labels: uint8 label maps; ids from `classes` on are ignored.
        classes: Number of classes.

    Returns:
        A double tensor of shape (images, classes).
    """
    counts = [torch.bincount(label.flatten().long(), minlength=256)[:classes].double() for label in labels]
    return torch.stack(counts)


def label_counts(labels: Iterable[Tensor], classes: int) -> tuple[Tensor, Tensor]:
    """Pixels of each class, and pixels of the images that show it.

    Args:
        labels: As in `image_counts`.
        classes: Number of classes.

    Returns:
        Two double tensors of shape (classes,).
    """
    counts = image_counts(labels, classes)
    labelled = counts.sum(1, keepdim=True)
    return counts.sum(0), ((counts > 0) * labelled).sum(0)


def enet_weights(pixels: Tensor) -> Tensor:
    """1 / ln(1.02 + share of pixels); bounded, so that rare classes do not take over.

    Args:
        pixels: Pixels of each class, shape (classes,).

    Source: Paszke et al. 2016, ENet, arXiv:1606.02147.
    """
    return 1 / torch.log(ENET_CONSTANT + pixels / pixels.sum())


def median_frequency_weights(pixels: Tensor, shown: Tensor) -> Tensor:
    """Median frequency over the class's frequency in the images that show it; 0 for a class never seen.

    Args:
        pixels: Pixels of each class, shape (classes,).
        shown: Labelled pixels of the images that show the class, shape (classes,).

    Source: Eigen and Fergus 2015, arXiv:1411.4734.
    """
    seen = pixels > 0
    frequency = pixels[seen] / shown[seen]
    weights = torch.zeros_like(pixels)
    weights[seen] = frequency.quantile(0.5) / frequency
    return weights
