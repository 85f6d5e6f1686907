"""The finished stages that a stage reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmark.api.imageset import ImageSet
from benchmark.errors import DataError

Inputs = Mapping[str, Path]


def labelled_set(inputs: Inputs, role: str) -> ImageSet:
    """The image set of an input; `DataError` when it has no labels."""
    images = ImageSet.open(inputs[role])
    if images.labels is None:
        raise DataError(f"{role}: labelled images were expected, but the data set has no labels for them; add some")
    return images
