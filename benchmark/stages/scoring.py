"""Measures translations and predictions."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.api.imageset import ImageSet
from benchmark.api.metric import AcceptsImageIds, Metric, SegmentationMetric, TranslationMetric, VariantMetric
from benchmark.api.segmenter import Segmenter
from benchmark.api.stage_context import StageContext
from benchmark.plan.keys import content_key
from benchmark.registry.registry import Registry
from benchmark.stages.inference import batches, evenly_spaced, on_device, predicted
from benchmark.stages.inputs import Inputs, labelled_set
from benchmark.stages.metric_session import MetricRun, MetricSession
from benchmark.stages.plugins import create_plugin, load_fitted
from benchmark.stages.translation_strips import SHOWN
from benchmark.store.layout import GALLERY


class Lent(NamedTuple):
    """A trained plugin that a metric may need.

    Attributes:
        need: The word in `PluginSpec.needs`, and the attribute of `StageContext` under which the metric finds it.
        kind: Kind of plugin, and role of the input stage that trained it.
        configuration: Where the specification of the stage holds its configuration.
    """

    need: str
    kind: str
    configuration: str


LENT = (Lent("target_segmenter", "segmenter", "auxiliary_segmenter"), Lent("translator", "translator", "translator"))


def score_translation(spec: Mapping[str, Any], inputs: Inputs, context: StageContext, registry: Registry) -> None:
    """Measure all translated images of a split against their sources and the target images."""
    source, translations, target = (ImageSet.open(inputs[role]) for role in ("source", "translated", "target"))
    metric_runs = _metric_runs(spec, inputs, TranslationMetric, context, registry)
    with MetricSession(metric_runs, source.classes, context.folder) as scores:
        scores.call("name_images", source.ids, to=scores.supporting(AcceptsImageIds))
        for batch in batches(target, context) if scores.active else ():
            scores.call("reference", on_device(context, target.image_batch(batch)))
        for batch in batches(source, context) if scores.active else ():
            _score_batch(scores, source, translations, batch, context)
            context.progress(batch[-1] + 1, len(source))


def _score_batch(
    scores: MetricSession, source: ImageSet, translations: ImageSet, batch: range, context: StageContext
) -> None:
    import torch

    pair = on_device(context, source.image_batch(batch)), on_device(context, translations.image_batch(batch))
    labels = None if source.labels is None else on_device(context, source.label_batch(batch))
    scores.call("update", *pair, labels)
    if supporting := scores.supporting(VariantMetric):
        variants = [translations.image_batch(batch, variant) for variant in range(translations.variants)]
        scores.call("update_variants", on_device(context, torch.stack(variants)), to=supporting)


def score_segmentation(spec: Mapping[str, Any], inputs: Inputs, context: StageContext, registry: Registry) -> None:
    """Measure the predictions of a trained segmenter on the labelled target test split."""
    name = spec["segmenter"]["name"]
    segmenter: Segmenter = load_fitted(registry, "segmenter", spec["segmenter"], inputs["segmenter"], context)
    test = labelled_set(inputs, "test")
    started = time.perf_counter()
    kept: dict[int, NDArray[np.uint8]] = {}
    shown = set(evenly_spaced(len(test), SHOWN))
    metric_runs = _metric_runs(spec, inputs, SegmentationMetric, context, registry)
    with MetricSession(metric_runs, test.classes, context.folder) as scores:
        for batch in batches(test, context):
            predictions = predicted(segmenter, test, batch, context, name)
            scores.call("update", predictions, on_device(context, test.label_batch(batch)))
            kept |= {
                index: map_.cpu().numpy() for index, map_ in zip(batch, predictions, strict=True) if index in shown
            }
            context.progress(batch[-1] + 1, len(test))
        context.report(images_per_second=len(test) / (time.perf_counter() - started))
    _save_gallery(context.folder / GALLERY, test, kept)


def _metric_runs(
    spec: Mapping[str, Any], inputs: Inputs, contract: type, context: StageContext, registry: Registry
) -> dict[str, MetricRun]:
    """The metrics of a contract, each with the trained plugins it needs."""
    created: dict[str, Metric] = {
        choice["name"]: create_plugin(registry, "metric", choice) for choice in spec["metrics"]
    }
    metrics = {name: metric for name, metric in created.items() if isinstance(metric, contract)}
    needs = {name: registry.find("metric", name).needs for name in metrics}
    given: dict[str, dict[str, Any]] = {name: {} for name in metrics}
    for lent in LENT:
        asking = [name for name in metrics if lent.need in needs[name]]
        if asking:
            fitted = load_fitted(registry, lent.kind, spec[lent.configuration], inputs[lent.kind], context)
            for name in asking:
                given[name][lent.need] = fitted
    conditions: dict[str, dict[str, str]] = {name: {} for name in metrics}
    for name in metrics:
        if "target_segmenter" in needs[name]:
            conditions[name]["auxiliary_segmenter"] = _short_identity(spec["auxiliary_segmenter"])
    return {
        name: MetricRun(metric, replace(context, **given[name]), conditions[name]) for name, metric in metrics.items()
    }


def _short_identity(segmenter: Mapping[str, Any]) -> str:
    """A segmenter by name, and by a hash of all that decides what it learns."""
    deciding = {name: segmenter[name] for name in ("version", "options")}
    return f"{segmenter['name']} {content_key(deciding)[:6]}"


def _save_gallery(path: Path, test: ImageSet, predictions: Mapping[int, NDArray[np.uint8]]) -> None:
    """Keep some test images with label and prediction, for side by side pictures of all rows."""
    assert test.labels is not None
    indices = sorted(predictions)
    np.savez_compressed(
        path,
        ids=np.array([test.ids[index] for index in indices]),
        images=test.images[0, indices],
        labels=test.labels[indices],
        predictions=np.stack([predictions[index] for index in indices]),
        classes=np.array(test.classes.names),
        palette=np.array(test.classes.palette, np.uint8),
    )
