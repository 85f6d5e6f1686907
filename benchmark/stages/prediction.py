"""Stores what a trained segmenter predicts on the test images, so that metrics and pictures need not predict again."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmark.api.imageset import ImageSet
from benchmark.api.segmenter import HasLogits, Segmenter
from benchmark.api.stage_context import StageContext
from benchmark.registry.registry import Registry
from benchmark.stages.inference import batches, on_device, predict_batch
from benchmark.stages.inputs import Inputs
from benchmark.stages.plugins import load_fitted
from benchmark.store.predictions import write_predictions


def predict(spec: Mapping[str, Any], inputs: Inputs, context: StageContext, registry: Registry) -> None:
    """Store the label maps that a trained segmenter predicts for a test split.

    The mean entropy of its predictions, as a share of that of equal probabilities, is reported where the segmenter
    has logits: a measure of its certainty that needs no labels.
    """
    name = spec["segmenter"]["name"]
    segmenter: Segmenter = load_fitted(registry, "segmenter", spec["segmenter"], inputs["segmenter"], context)
    test = ImageSet.open(inputs["test"]).without_labels()
    maps = np.empty((len(test), *test.size), dtype=np.uint8)
    started = time.perf_counter()
    for batch in batches(test, context):
        maps[batch.start : batch.stop] = predict_batch(segmenter, test, batch, context, name).cpu().numpy()
        context.progress(batch.stop, len(test))
    context.report(images_per_second=len(test) / (time.perf_counter() - started))
    if isinstance(segmenter, HasLogits):
        context.report(mean_entropy=mean_entropy(segmenter, test, context))
    write_predictions(context.folder, maps, test.ids)


def mean_entropy(segmenter: HasLogits, images: ImageSet, context: StageContext) -> float:
    """Entropy of the predicted class probabilities, averaged over all pixels: 0 certain, 1 no idea."""
    import torch

    total = 0.0
    for batch in batches(images, context):
        with torch.inference_mode():
            logits = segmenter.logits(on_device(context, images.image_batch(batch)))
        entropies = torch.special.entr(logits.double().softmax(dim=1)).sum(dim=1)
        total += float(entropies.sum())
    pixels = len(images) * math.prod(images.size)
    return total / pixels / math.log(max(2, len(images.classes)))
