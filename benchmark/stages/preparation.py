"""Brings a split of a data set to the size of the scenario."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.api.dataset import Dataset
from benchmark.api.imageset import ImageSetWriter
from benchmark.api.stage_context import StageContext
from benchmark.errors import DataError
from benchmark.registry.registry import Registry
from benchmark.stages.contract_checks import check_sample
from benchmark.stages.inputs import Inputs
from benchmark.stages.plugins import create_plugin


def prepare(spec: Mapping[str, Any], inputs: Inputs, context: StageContext, registry: Registry) -> None:
    """Bring one split of a data set to the size of the scenario, checking every sample."""
    dataset: Dataset = create_plugin(registry, "dataset", spec["dataset"])
    height, width = spec["size"]
    split, name = spec["split"], spec["dataset"]["name"]
    ids = dataset.ids(split)
    if not ids:
        raise DataError(f"dataset '{name}': split '{split}' is empty; at least one image was expected")
    labelled = dataset.sample(split, ids[0]).label is not None
    writer = ImageSetWriter(context.folder, ids, (height, width), dataset.classes, labelled=labelled)
    for index, sample_id in enumerate(ids):
        sample = dataset.sample(split, sample_id)
        where = f"dataset '{name}', split '{split}', sample '{sample_id}'"
        check_sample(sample, dataset.classes, labelled=labelled, where=where)
        label = None if sample.label is None else resize_array(sample.label, height, width, smooth=False)
        writer.put(index, resize_array(sample.image, height, width, smooth=True), label)
        context.progress(index + 1, len(ids))
    writer.close()


def resize_array(array: NDArray[np.uint8], height: int, width: int, *, smooth: bool) -> NDArray[np.uint8]:
    """An image, averaged over the pixels that fall together, or a label map, by its nearest pixels."""
    if array.shape[:2] == (height, width):
        return array
    from PIL import Image

    shrinks = height <= array.shape[0] and width <= array.shape[1]
    if not smooth:
        method = Image.Resampling.NEAREST  # the mean of two train ids is a third class
    elif shrinks:
        method = Image.Resampling.BOX
    else:
        method = Image.Resampling.BILINEAR  # a box that grows repeats pixels, in blocks
    picture = Image.fromarray(np.ascontiguousarray(array))
    return np.asarray(picture.resize((width, height), method))
