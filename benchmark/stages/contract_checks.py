"""Checks of what data sets and plugins return against their contracts, before it is used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.api.dataset import IGNORE, ClassSet, Sample
from benchmark.errors import BenchError, DataError

if TYPE_CHECKING:
    from torch import Tensor


ROUNDING = 1e-3
"""How far values of images may lie outside [0, 1]: less than half an 8-bit step, as rounding leaves them; they are
clamped when they are stored."""


class ContractBroken(BenchError):
    """A plugin returned something else than its contract says."""


def check_sample(sample: Any, classes: ClassSet, *, labelled: bool, where: str) -> None:
    """Refuse a sample that is no 8-bit RGB image with, where there are labels, a label of its size and classes.

    Args:
        sample: What a data set gave.
        classes: Its class set.
        labelled: Whether the split has labels.
        where: Data set, split and id, for the `DataError`.
    """
    if not isinstance(sample, Sample):
        raise DataError(f"{where}: expected a Sample(image, label, id), but {type(sample).__name__} came")
    image, label = sample.image, sample.label
    for what, array in (("image", image), ("label", label)):
        if array is None and what == "label":
            continue
        if not isinstance(array, np.ndarray):
            raise DataError(f"{where}: expected the {what} as a numpy array, but {type(array).__name__} came")
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
    if label.dtype != np.uint8:
        raise DataError(f"{where}: expected a label of uint8 train ids, but it is {label.dtype}")
    # counting is several times faster than np.unique, which sorts all pixels
    counts = np.bincount(label.ravel(), minlength=256)
    counts[IGNORE] = 0
    if counts[len(classes) :].any():
        found = int(np.flatnonzero(counts)[-1])
        raise DataError(f"{where}: expected label ids below {len(classes)} (or {IGNORE}), found {found}")


def check_images(found: Any, given: Tensor, who: str, ids: Sequence[str] = ()) -> None:
    """Refuse what is not float32, finite, in [0, 1] but for `ROUNDING`, and of the shape of the images given.

    Args:
        found: What a plugin returned.
        given: The images it was given, shape (N, 3, H, W).
        who: The plugin, and the method where it is not the usual one.
        ids: Of the images, for the error; without them they are counted from 0.
    """
    import torch

    _check_tensor(found, tuple(given.shape), who)
    if found.dtype != torch.float32:
        raise ContractBroken(f"{who} returned {found.dtype}, but float32 was expected")
    low, high = (float(value) for value in found.aminmax())
    if low >= -ROUNDING and high <= 1 + ROUNDING:  # never true of NaN
        return
    broken = ~torch.isfinite(found).flatten(1).all(1)
    if broken.any():
        where = _image_names(broken, ids)
        raise ContractBroken(f"{who} returned values that are not finite (NaN or infinity) in {where}")
    out_of_range = (found < -ROUNDING) | (found > 1 + ROUNDING)
    where = _image_names(out_of_range.flatten(1).any(1), ids)
    raise ContractBroken(f"{who} returned values from {low:.3g} to {high:.3g} in {where}: {_range_hint(low, high)}")


def check_maps(found: Any, given: Tensor, who: str) -> None:
    """Refuse what is not one float32 map in [0, 1] for each image, shape (N, 1, H, W)."""
    _check_tensor(found, (len(given), 1, *given.shape[2:]), who)
    low, high = (float(value) for value in found.aminmax())
    if not (low >= 0 and high <= 1):  # also true of NaN
        raise ContractBroken(f"{who} returned values from {low:.3g} to {high:.3g}, but 0 to 1 was expected")


def check_predictions(found: Any, shape: tuple[int, ...], classes: int, who: str) -> None:
    """Refuse what is not uint8 train ids of a shape, below the number of classes."""
    import torch

    _check_tensor(found, None, who)
    if tuple(found.shape) != shape or found.dtype != torch.uint8:
        raise ContractBroken(f"{who} returned {found.dtype} {tuple(found.shape)}, but uint8 {shape} was expected")
    if int(found.max()) >= classes:
        raise ContractBroken(f"{who} predicted train id {int(found.max())}, but there are {classes} classes")


def _check_tensor(found: Any, shape: tuple[int, ...] | None, who: str) -> None:
    import torch

    if not isinstance(found, torch.Tensor):
        raise ContractBroken(f"{who} returned {type(found).__name__}, but a tensor was expected")
    if shape is not None and tuple(found.shape) != shape:
        raise ContractBroken(f"{who} returned shape {tuple(found.shape)}, but {shape} was expected")


def _image_names(chosen: Tensor, ids: Sequence[str]) -> str:
    """How many images a mask chooses, and the first of them by id or place."""
    places = chosen.nonzero().flatten().tolist()
    first = f"'{ids[places[0]]}'" if ids else str(places[0])
    return f"{len(places)} of {len(chosen)} images, first in image {first}"


def _range_hint(low: float, high: float) -> str:
    """What was probably returned in place of [0, 1], and how to map it there."""
    if low >= -1 - ROUNDING and high <= 1 + ROUNDING:
        return "values in [-1, 1]? expected [0, 1]: map with (x + 1) / 2"
    if low >= -ROUNDING and 2 < high <= 255:
        return "values in [0, 255]? expected [0, 1]: map with x / 255"
    return "expected [0, 1]: end with clamp(0, 1) where that is meant"


def _size(array: NDArray[np.uint8]) -> str:
    return "x".join(map(str, array.shape[:2]))
