"""Trains translators and segmenters, and stores the translated source images."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.api.imageset import ImageSet, ImageSetWriter
from benchmark.api.segmenter import AdaptsStatistics, Segmenter
from benchmark.api.spec import TARGET_STATISTICS
from benchmark.api.stage_context import StageContext
from benchmark.api.translator import Invertible, MultiVariant, Translator
from benchmark.errors import UsageError
from benchmark.registry.registry import Registry
from benchmark.stages.inference import batches, translate_batch
from benchmark.stages.inputs import Inputs, labelled_set
from benchmark.stages.plugins import MODEL, create_plugin, load_fitted
from benchmark.stages.translation_strips import save_strips

if TYPE_CHECKING:
    from torch import Tensor


def fit_translator(spec: Mapping[str, Any], inputs: Inputs, context: StageContext, registry: Registry) -> None:
    """Train a translator on source and target images, with what it declares to need and nothing else."""
    translator: Translator = create_plugin(registry, "translator", spec["translator"])
    needs = registry.find("translator", spec["translator"]["name"]).needs
    source, target = ImageSet.open(inputs["source"]), ImageSet.open(inputs["target"]).without_labels()
    if "source_labels" not in needs:
        source = source.without_labels()
    if "paired" in needs:
        target = target.paired_with(source)
    if "source_segmenter" in needs:
        context.source_segmenter = load_fitted(
            registry, "segmenter", spec["auxiliary_segmenter"], inputs["segmenter"], context
        )
    translator.fit(source, target, context)
    translator.save(_empty_folder(context.folder / MODEL))


def translate(spec: Mapping[str, Any], inputs: Inputs, context: StageContext, registry: Registry) -> None:
    """Store all variants of the translated source images together with the source labels."""
    translator: Translator = load_fitted(registry, "translator", spec["translator"], inputs["translator"], context)
    source = ImageSet.open(inputs["source"])
    name, inverse = spec["translator"]["name"], spec.get("output") == "source"
    if inverse and not isinstance(translator, Invertible):
        raise UsageError(f"translator '{name}' defines no inverse, which output = \"source\" needs; leave this row out")
    variants = translator.variants if isinstance(translator, MultiVariant) and not inverse else 1
    labelled = source.labels is not None
    writer = ImageSetWriter(
        context.folder, source.ids, source.size, source.classes, labelled=labelled, variants=variants
    )
    total = variants * len(source)
    started = time.perf_counter()
    for variant in range(variants):
        for batch in batches(source, context):
            ids = [source.ids[index] for index in batch]
            images = translate_batch(
                translator, source.image_batch(batch), variant, context, name, ids, inverse=inverse
            )
            for index, image in zip(batch, _to_8_bit(images), strict=True):
                label = None if source.labels is None else source.labels[index]
                writer.put(index, image, label, variant)
            context.progress(variant * len(source) + batch[-1] + 1, total)
    writer.close()
    context.report(images_per_second=total / (time.perf_counter() - started), variants=variants)
    if not inverse:
        save_strips(translator, source, context, name)


def fit_segmenter(spec: Mapping[str, Any], inputs: Inputs, context: StageContext, registry: Registry) -> None:
    """Train a segmenter on labelled images, and on unlabelled target images where it needs them."""
    segmenter: Segmenter = create_plugin(registry, "segmenter", spec["segmenter"])
    train = labelled_set(inputs, "train")
    validation = labelled_set(inputs, "validation") if "validation" in inputs else None
    target = ImageSet.open(inputs["target"]).without_labels() if "target" in inputs else None
    segmenter.fit(train, target, validation, context)
    segmenter.save(_empty_folder(context.folder / MODEL))


def adapt_segmenter(spec: Mapping[str, Any], inputs: Inputs, context: StageContext, registry: Registry) -> None:
    """Give a trained segmenter the normalisation statistics of unlabelled target images."""
    segmenter: Segmenter = load_fitted(registry, "segmenter", spec["segmenter"], inputs["segmenter"], context)
    name = spec["segmenter"]["name"]
    if not isinstance(segmenter, AdaptsStatistics):
        raise UsageError(
            f"segmenter '{name}' defines no adapt_statistics, which the row {TARGET_STATISTICS} needs; define it, or "
            "leave the row out"
        )
    segmenter.adapt_statistics(ImageSet.open(inputs["target"]).without_labels(), context)
    segmenter.save(_empty_folder(context.folder / MODEL))


def _empty_folder(folder: Path) -> Path:
    """A new folder; what an interrupted save left in it is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _to_8_bit(images: Tensor) -> NDArray[np.uint8]:
    # clamped, as `check_images` lets values by rounding outside of [0, 1] pass, and a byte would wrap around
    levels = images.clamp(0, 1).mul(255).round().byte()
    pixels: NDArray[np.uint8] = levels.permute(0, 2, 3, 1).cpu().numpy()
    return pixels
