"""Stores what a trained segmenter predicts on the test images, so that metrics and pictures need not predict again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmark.api.imageset import ImageSet
from benchmark.api.segmenter import Segmenter
from benchmark.api.stage_context import StageContext
from benchmark.registry.registry import Registry
from benchmark.stages.inference import batches, predict_batch
from benchmark.stages.inputs import Inputs
from benchmark.stages.plugins import load_fitted
from benchmark.store.predictions import write_predictions


def predict(spec: Mapping[str, Any], inputs: Inputs, context: StageContext, registry: Registry) -> None:
    """Store the label maps that a trained segmenter predicts for the target test split."""
    name = spec["segmenter"]["name"]
    segmenter: Segmenter = load_fitted(registry, "segmenter", spec["segmenter"], inputs["segmenter"], context)
    test = ImageSet.open(inputs["test"]).without_labels()
    maps = np.empty((len(test), *test.size), dtype=np.uint8)
    started = time.perf_counter()
    for batch in batches(test, context):
        maps[batch.start : batch.stop] = predict_batch(segmenter, test, batch, context, name).cpu().numpy()
        context.progress(batch.stop, len(test))
    context.report(images_per_second=len(test) / (time.perf_counter() - started))
    write_predictions(context.folder, maps, test.ids)
