"""What data sets and plugins give, held against their contracts before anything is made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.api.dataset import IGNORE, ClassSet, Sample
from benchmark.errors import BenchError, DataError

if TYPE_CHECKING:
    from torch import Tensor


class ContractBroken(BenchError):
    """A plugin returned something else than its contract says."""


def check_sample(sample: Sample, classes: ClassSet, *, labelled: bool, where: str) -> None:
    """Refuse a sample that is no 8-bit RGB image with, where there are labels, a label of its size and classes.

    Args:
        sample: What a data set gave.
        classes: Its class set.
        labelled: Whether the split has labels.
        where: Data set, split and id, for the `DataError`.
    """
    image, label = sample.image, sample.label
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise DataError(f"{where}: expected an 8-bit RGB image (H, W, 3), but it is {image.dtype} {image.shape}")
    if (label is not None) != labelled:
        raise DataError(f"{where}: expected a label for every image of the split or for none")
    if label is None:
        return
    if label.shape != image.shape[:2]:
        raise DataError(
            f"{where}: expected a label of the image's size {_size(image)}, but it is {_size(label)} (height x width)"
        )
    counts = np.bincount(label.ravel(), minlength=256)
    counts[IGNORE] = 0
    if counts[len(classes) :].any():
        found = int(np.flatnonzero(counts)[-1])
        raise DataError(f"{where}: expected label ids below {len(classes)} (or {IGNORE}), found {found}")


def check_images(found: Any, given: Tensor, who: str) -> None:
    """Refuse what is not float32, finite and of the shape of the images that were given."""
    import torch

    _check_tensor(found, tuple(given.shape), who)
    if found.dtype != torch.float32:
        raise ContractBroken(f"{who} returned {found.dtype}, but float32 was expected")
    if not torch.isfinite(found).all():
        raise ContractBroken(f"{who} returned values that are not finite (NaN or infinity)")


def check_maps(found: Any, given: Tensor, who: str) -> None:
    """Refuse what is not one float32 map in [0, 1] for each image, shape (N, 1, H, W)."""
    _check_tensor(found, (len(given), 1, *given.shape[2:]), who)
    low, high = (float(value) for value in found.aminmax())
    if not (low >= 0 and high <= 1):
        raise ContractBroken(f"{who} returned values from {low:.3g} to {high:.3g}, but 0 to 1 was expected")


def check_predictions(found: Any, shape: tuple[int, ...], classes: int, who: str) -> None:
    """Refuse what is not uint8 train ids of a shape, below the number of classes."""
    import torch

    if tuple(found.shape) != shape or found.dtype != torch.uint8:
        raise ContractBroken(f"{who} returned {found.dtype} {tuple(found.shape)}, but uint8 {shape} was expected")
    if int(found.max()) >= classes:
        raise ContractBroken(f"{who} predicted train id {int(found.max())}, but there are {classes} classes")


def _check_tensor(found: Any, shape: tuple[int, ...], who: str) -> None:
    import torch

    if not isinstance(found, torch.Tensor):
        raise ContractBroken(f"{who} returned {type(found).__name__}, but a tensor was expected")
    if tuple(found.shape) != shape:
        raise ContractBroken(f"{who} returned shape {tuple(found.shape)}, but {shape} was expected")


def _size(array: NDArray[np.uint8]) -> str:
    return "x".join(map(str, array.shape[:2]))
