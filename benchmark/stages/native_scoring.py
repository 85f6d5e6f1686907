"""Measures predictions at the size that the labels have in their data set, where papers measure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmark.api.dataset import Dataset
from benchmark.api.imageset import ImageSet
from benchmark.api.metric import SegmentationMetric
from benchmark.api.stage_context import StageContext
from benchmark.errors import DataError
from benchmark.plan.stage_kinds import SCORE_SEGMENTATION_NATIVE, STAGE_KINDS
from benchmark.registry.registry import Registry
from benchmark.stages.contract_checks import check_sample
from benchmark.stages.inference import on_device
from benchmark.stages.inputs import Inputs
from benchmark.stages.metric_table import metric_table, with_suffix
from benchmark.stages.plugins import create_plugin
from benchmark.stages.preparation import resize_array
from benchmark.stages.scoring import create_metric, write_nothing_to_measure
from benchmark.store.json_files import write_json
from benchmark.store.layout import METRICS
from benchmark.store.predictions import read_predictions


def score_segmentation_native(
    spec: Mapping[str, Any], inputs: Inputs, context: StageContext, registry: Registry
) -> None:
    """Measure stored predictions, brought to the size of each label by their nearest pixels, with one metric.

    Sizes may differ from image to image, so a metric gets one image at a time.
    """
    import torch

    metric = create_metric(spec, registry)
    if not isinstance(metric, SegmentationMetric):
        write_nothing_to_measure(spec, registry, "segmentation", context.folder)
        return
    dataset: Dataset = create_plugin(registry, "dataset", spec["dataset"])
    test, predictions = ImageSet.open(inputs["test"]), read_predictions(inputs["predictions"])
    name, split = spec["dataset"]["name"], spec["split"]

    def feed() -> None:
        metric.start(test.classes, context)
        for index, sample_id in enumerate(predictions.ids):
            sample = dataset.sample(split, sample_id)
            where = f"dataset '{name}', split '{split}', sample '{sample_id}'"
            check_sample(sample, test.classes, labelled=sample.label is not None, where=where)
            if sample.label is None:
                raise DataError(f"{where}: a label was expected, but the data set has none")
            predicted = resize_array(predictions.maps[index], *sample.label.shape, smooth=False)
            # np.array copies: torch warns of arrays that cannot be written, as memory maps and cached labels are
            predicted_batch = torch.from_numpy(np.array(predicted))[None]
            label_batch = torch.from_numpy(np.array(sample.label))[None]
            metric.update(on_device(context, predicted_batch), on_device(context, label_batch))
            context.progress(index + 1, len(predictions.ids))

    suffix = STAGE_KINDS[SCORE_SEGMENTATION_NATIVE].value_suffix
    table = metric_table(spec["metric"]["name"], metric, feed)
    named_apart = with_suffix(table, suffix, "At the native size of the labels.")
    write_json(context.folder / METRICS, named_apart, indent=1)
