"""Measures translations and predictions, one metric a stage."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.api.imageset import ImageSet
from benchmark.api.metric import (
    AcceptsImageIds,
    HasReferenceState,
    Metric,
    SegmentationMetric,
    TranslationMetric,
    VariantMetric,
)
from benchmark.api.spec import PluginSpec
from benchmark.api.stage_context import StageContext
from benchmark.errors import DataError, PluginError, Unavailable
from benchmark.plan.keys import content_key
from benchmark.plan.stage_kinds import SCORE_SEGMENTATION_SOURCE, STAGE_KINDS
from benchmark.registry.registry import Registry
from benchmark.stages.inference import batches, on_device
from benchmark.stages.inputs import Inputs, labelled_set
from benchmark.stages.metric_table import EMPTY_TABLE, metric_table, with_suffix
from benchmark.stages.plugins import create_plugin, load_fitted
from benchmark.store.json_files import read_json, write_json
from benchmark.store.layout import METRICS
from benchmark.store.predictions import read_predictions

REFERENCE_STATE = "reference"
"""Folder in a reference stage: what the metric stored."""
UNAVAILABLE = "unavailable.json"
"""File in a reference stage, in place of that folder: why there is nothing to store."""


class Lent(NamedTuple):
    """A trained plugin that a metric may need.

    Attributes:
        need: The word in `PluginSpec.needs`, and the attribute of `StageContext` under which the metric finds it.
        kind: Kind of plugin.
        configuration: Where the specification of the stage holds its configuration.
        role: Of the input stage that trained it.
    """

    need: str
    kind: str
    configuration: str
    role: str


LENT = (
    Lent("target_segmenter", "segmenter", "auxiliary_segmenter", "segmenter"),
    Lent("source_segmenter", "segmenter", "auxiliary_segmenter", "source_segmenter"),
    Lent("translator", "translator", "translator", "translator"),
)


def score_segmentation(spec: Mapping[str, Any], inputs: Inputs, context: StageContext, registry: Registry) -> None:
    """Measure stored predictions on the labelled target test split with one metric."""
    table = _segmentation_table(spec, inputs, context, registry)
    if table is not None:
        if "group" in spec:
            ids = ImageSet.open(inputs["test"]).ids
            table["test_groups"] = [image_group(spec["group"], sample_id) for sample_id in ids]
        write_json(context.folder / METRICS, table, indent=1)


def score_segmentation_source(
    spec: Mapping[str, Any], inputs: Inputs, context: StageContext, registry: Registry
) -> None:
    """Measure stored predictions on the source test split, translated as the training images were, with one metric."""
    table = _segmentation_table(spec, inputs, context, registry)
    if table is not None:
        suffix = STAGE_KINDS[SCORE_SEGMENTATION_SOURCE].value_suffix
        named_apart = with_suffix(table, suffix, "On translated source images that were not trained on.")
        for value in named_apart["values"].values():
            value["headline"] = False
        write_json(context.folder / METRICS, named_apart, indent=1)


def _segmentation_table(
    spec: Mapping[str, Any], inputs: Inputs, context: StageContext, registry: Registry
) -> dict[str, Any] | None:
    """What a metric measures of stored predictions; None, and an empty table in the folder, if it measures others."""
    import torch

    metric = create_metric(spec, registry)
    if not isinstance(metric, SegmentationMetric):
        write_nothing_to_measure(spec, registry, "segmentation", context.folder)
        return None
    test = labelled_set(inputs, "test")
    predictions = read_predictions(inputs["predictions"])
    if predictions.ids != test.ids:
        raise DataError("predictions: they are not those of this test set; run with --reuse never")

    def feed() -> None:
        metric.start(test.classes, context)
        for batch in batches(test, context):
            maps = torch.from_numpy(predictions.maps[batch.start : batch.stop])
            metric.update(on_device(context, maps), on_device(context, test.label_batch(batch)))
            context.progress(batch.stop, len(test))

    return metric_table(spec["metric"]["name"], metric, feed)


def image_group(expression: str, sample_id: str) -> str:
    """The group of a test image, as `benchmark.api.scenario.Side.group` describes it.

    >>> image_group("^(.*)_", "0016E5_00390"), image_group("^[0-9]+", "0016E5_00390")
    ('0016E5', '0016')

    Raises:
        DataError: The expression matches nothing in the id.
    """
    match = re.search(expression, sample_id)
    if match is None:
        raise DataError(
            f"group: expected an expression that matches every test image, but {expression!r} does not match "
            f"'{sample_id}'; change it in the scenario"
        )
    group = match[1] if match.re.groups else match[0]
    return group or ""


def score_translation(spec: Mapping[str, Any], inputs: Inputs, context: StageContext, registry: Registry) -> None:
    """Measure all translated images of a split, against their sources and the target images, with one metric."""
    metric = create_metric(spec, registry)
    if not isinstance(metric, TranslationMetric):
        write_nothing_to_measure(spec, registry, "translation", context.folder)
        return
    source, translations = ImageSet.open(inputs["source"]), ImageSet.open(inputs["translated"])
    for lent in LENT:
        if lent.role in inputs:
            fitted = load_fitted(registry, lent.kind, spec[lent.configuration], inputs[lent.role], context)
            setattr(context, lent.need, fitted)

    def feed() -> None:
        metric.start(source.classes, context)
        if isinstance(metric, AcceptsImageIds):
            metric.name_images(source.ids)
        _feed_reference(metric, inputs, context)
        for batch in batches(source, context):
            _update(metric, source, translations, batch, context)
            context.progress(batch.stop, len(source))

    table = metric_table(spec["metric"]["name"], metric, feed, _conditions(spec))
    write_json(context.folder / METRICS, table, indent=1)


def reference(spec: Mapping[str, Any], inputs: Inputs, context: StageContext, registry: Registry) -> None:
    """Store what a metric computes from the target images alone; see `HasReferenceState`."""
    name = spec["metric"]["name"]
    metric = create_metric(spec, registry)
    if not (isinstance(metric, TranslationMetric) and isinstance(metric, HasReferenceState)):
        raise PluginError(
            f"metric '{name}' declares the need 'reference', but is no TranslationMetric with save_reference and "
            "load_reference; define them, or drop the need"
        )
    target = ImageSet.open(inputs["target"])
    try:
        metric.start(target.classes, context)
        _feed_target(metric, target, context)
        folder = context.folder / REFERENCE_STATE
        folder.mkdir()
        metric.save_reference(folder)
    except Unavailable as reason:  # not a failure: the metric has no values here, and each score stage says why
        write_json(context.folder / UNAVAILABLE, str(reason))


def create_metric(spec: Mapping[str, Any], registry: Registry) -> Metric:
    """The metric of a score stage; `PluginError` where its values are not those of its registry entry."""
    name = spec["metric"]["name"]
    metric: Metric = create_plugin(registry, "metric", spec["metric"])
    declared = registry.find("metric", name).values
    if declared and set(declared) != set(metric.values):
        raise PluginError(
            f"metric '{name}': its registry entry declares the values {sorted(declared)}, but its class "
            f"{sorted(metric.values)}; make them equal"
        )
    return metric


def write_nothing_to_measure(spec: Mapping[str, Any], registry: Registry, subject: str, folder: Path) -> None:
    """Store an empty table for a metric whose class measures another subject than the stage is for."""
    entry: PluginSpec = registry.find("metric", spec["metric"]["name"])
    if entry.measures == subject:
        raise PluginError(f"metric '{entry.name}' declares measures = '{subject}', but its class measures another")
    write_json(folder / METRICS, EMPTY_TABLE, indent=1)


def _feed_reference(metric: TranslationMetric, inputs: Inputs, context: StageContext) -> None:
    """Give a metric the target images, or load what a reference stage stored for them."""
    if "reference" not in inputs:
        _feed_target(metric, ImageSet.open(inputs["target"]), context)
        return
    reason = read_json(inputs["reference"] / UNAVAILABLE)
    if reason is not None:
        raise Unavailable(reason)
    assert isinstance(metric, HasReferenceState)
    metric.load_reference(inputs["reference"] / REFERENCE_STATE)


def _feed_target(metric: TranslationMetric, target: ImageSet, context: StageContext) -> None:
    if type(metric).reference is TranslationMetric.reference:  # it does nothing with target images
        return
    for batch in batches(target, context):
        metric.reference(on_device(context, target.image_batch(batch)))


def _update(
    metric: TranslationMetric, source: ImageSet, translations: ImageSet, batch: range, context: StageContext
) -> None:
    import torch

    images = on_device(context, source.image_batch(batch))
    translated = on_device(context, translations.image_batch(batch))
    labels = None if source.labels is None else on_device(context, source.label_batch(batch))
    metric.update(images, translated, labels)
    if isinstance(metric, VariantMetric):
        variants = [translations.image_batch(batch, variant) for variant in range(translations.variants)]
        metric.update_variants(on_device(context, torch.stack(variants)))


def _conditions(spec: Mapping[str, Any]) -> dict[str, str]:
    """What the values of a metric depend on besides its options: the auxiliary segmenter, where it needs one."""
    if "auxiliary_segmenter" not in spec:
        return {}
    segmenter = spec["auxiliary_segmenter"]
    deciding = {name: segmenter[name] for name in ("version", "options")}
    return {"auxiliary_segmenter": f"{segmenter['name']} {content_key(deciding)[:6]}"}
