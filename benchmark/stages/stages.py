"""What each kind of stage does with its inputs; the only place where plugins meet data."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.api.dataset import Dataset
from benchmark.api.imageset import ImageSet, ImageSetWriter
from benchmark.api.metric import Metric, NamesImages, OverVariants, SegmentationMetric, TranslationMetric
from benchmark.api.segmenter import Segmenter
from benchmark.api.stage_context import Run
from benchmark.api.translator import MultiVariant, Translator
from benchmark.errors import DataError
from benchmark.plan.planner import ASIDE, content_key
from benchmark.registry.registry import Registry
from benchmark.stages.contract_checks import check_sample
from benchmark.stages.inference import batches, evenly_spaced, on_device, predicted, translated
from benchmark.stages.metric_session import Entrant, Scores
from benchmark.stages.translation_strips import SHOWN, keep_strips
from benchmark.store.store import GALLERY

if TYPE_CHECKING:
    from torch import Tensor

MODEL = "model"
GIVEN = (("oracle", "segmenter", "reader", "segmenter"), ("translator", "translator", "translator", "translator"))
"""What metrics may need: the word, its kind of plugin and input, where its choice stands, its place in the run."""

Inputs = Mapping[str, Path]


def run_stage(spec: Mapping[str, Any], inputs: Inputs, run: Run, registry: Registry) -> None:
    """Do the work of a stage in `run.folder`.

    Args:
        spec: `Stage.spec`.
        inputs: Folders of the finished stages it reads, by role.
        run: Device, precision, seed, and the folder.
        registry: Where its plugins are found.
    """
    STAGES[spec["kind"]](spec, inputs, run, registry)


def prepare(spec: Mapping[str, Any], inputs: Inputs, run: Run, registry: Registry) -> None:
    """Bring one split of a data set to the size of the scenario, checking every sample."""
    dataset: Dataset = _create(registry, "dataset", spec["dataset"])
    height, width = spec["size"]
    split, name = spec["split"], spec["dataset"]["name"]
    ids = dataset.ids(split)
    if not ids:
        raise DataError(f"dataset '{name}': split '{split}' is empty; at least one image was expected")
    labelled = dataset.sample(split, ids[0]).label is not None
    writer = ImageSetWriter(run.folder, ids, (height, width), dataset.classes, labelled=labelled)
    for index, sample_id in enumerate(ids):
        sample = dataset.sample(split, sample_id)
        where = f"dataset '{name}', split '{split}', sample '{sample_id}'"
        check_sample(sample, dataset.classes, labelled=labelled, where=where)
        label = None if sample.label is None else _resized(sample.label, height, width, smooth=False)
        writer.put(index, _resized(sample.image, height, width, smooth=True), label)
        run.progress(index + 1, len(ids))
    writer.close()


def fit_translator(spec: Mapping[str, Any], inputs: Inputs, run: Run, registry: Registry) -> None:
    """Train a translator on source and target images, with what it declares to need and nothing else."""
    translator: Translator = _create(registry, "translator", spec["translator"])
    needs = registry.find("translator", spec["translator"]["name"]).needs
    source, target = ImageSet.open(inputs["source"]), ImageSet.open(inputs["target"]).without_labels()
    if "source_labels" not in needs:
        source = source.without_labels()
    if "paired" in needs:
        target = target.paired_with(source)
    if "segmenter" in needs:
        run.segmenter = _load(registry, "segmenter", spec["reader"], inputs["segmenter"], run)
    translator.fit(source, target, run)
    translator.save(_empty(run.folder / MODEL))


def translate(spec: Mapping[str, Any], inputs: Inputs, run: Run, registry: Registry) -> None:
    """Store all variants of the translated source images together with the source labels."""
    translator: Translator = _load(registry, "translator", spec["translator"], inputs["translator"], run)
    source = ImageSet.open(inputs["source"])
    variants = translator.variants if isinstance(translator, MultiVariant) else 1
    labelled = source.labels is not None
    writer = ImageSetWriter(run.folder, source.ids, source.size, source.classes, labelled=labelled, variants=variants)
    started, total = time.perf_counter(), variants * len(source)
    for variant in range(variants):
        for batch in batches(source, run):
            images = translated(translator, source.image_batch(batch), variant, run, spec["translator"]["name"])
            for index, image in zip(batch, _to_8_bit(images), strict=True):
                writer.put(index, image, source.labels[index] if source.labels is not None else None, variant)
            run.progress(variant * len(source) + batch[-1] + 1, total)
    writer.close()
    run.report(images_per_second=total / (time.perf_counter() - started), variants=variants)
    keep_strips(translator, source, run, spec["translator"]["name"])


def score_translation(spec: Mapping[str, Any], inputs: Inputs, run: Run, registry: Registry) -> None:
    """Measure all translated images of a split against their sources and the target images."""
    source, translations, target = (ImageSet.open(inputs[role]) for role in ("source", "translated", "target"))
    entrants = _entrants(spec, inputs, TranslationMetric, run, registry)
    with Scores(entrants, source.classes, run.folder) as scores:
        scores.call("name_images", source.ids, to=scores.able(NamesImages))
        for batch in batches(target, run) if scores.live else ():
            scores.call("reference", on_device(run, target.image_batch(batch)))
        for batch in batches(source, run) if scores.live else ():
            _score_batch(scores, source, translations, batch, run)
            run.progress(batch[-1] + 1, len(source))


def _score_batch(scores: Scores, source: ImageSet, translations: ImageSet, batch: range, run: Run) -> None:
    import torch

    pair = on_device(run, source.image_batch(batch)), on_device(run, translations.image_batch(batch))
    labels = None if source.labels is None else on_device(run, source.label_batch(batch))
    scores.call("update", *pair, labels)
    if able := scores.able(OverVariants):
        variants = [translations.image_batch(batch, variant) for variant in range(translations.variants)]
        scores.call("update_variants", on_device(run, torch.stack(variants)), to=able)


def fit_segmenter(spec: Mapping[str, Any], inputs: Inputs, run: Run, registry: Registry) -> None:
    """Train a segmenter on labelled images, with the target images at hand without their labels."""
    segmenter: Segmenter = _create(registry, "segmenter", spec["segmenter"])
    train = _labelled(inputs, "train")
    validation = _labelled(inputs, "validation") if "validation" in inputs else None
    segmenter.fit(train, ImageSet.open(inputs["target"]).without_labels(), validation, run)
    segmenter.save(_empty(run.folder / MODEL))


def score_segmentation(spec: Mapping[str, Any], inputs: Inputs, run: Run, registry: Registry) -> None:
    """Measure the predictions of a trained segmenter on the labelled target test split."""
    name = spec["segmenter"]["name"]
    segmenter: Segmenter = _load(registry, "segmenter", spec["segmenter"], inputs["segmenter"], run)
    test = _labelled(inputs, "test")
    started = time.perf_counter()
    kept: dict[int, NDArray[np.uint8]] = {}
    shown = set(evenly_spaced(len(test), SHOWN))
    entrants = _entrants(spec, inputs, SegmentationMetric, run, registry)
    with Scores(entrants, test.classes, run.folder) as scores:
        for batch in batches(test, run):
            predictions = predicted(segmenter, test, batch, run, name)
            scores.call("update", predictions, on_device(run, test.label_batch(batch)))
            kept |= {
                index: map_.cpu().numpy() for index, map_ in zip(batch, predictions, strict=True) if index in shown
            }
            run.progress(batch[-1] + 1, len(test))
        run.report(images_per_second=len(test) / (time.perf_counter() - started))
    _save_gallery(run.folder / GALLERY, test, kept)


STAGES: Mapping[str, Callable[[Mapping[str, Any], Inputs, Run, Registry], None]] = {
    "prepare": prepare,
    "fit-translator": fit_translator,
    "translate": translate,
    "score-translation": score_translation,
    "fit-segmenter": fit_segmenter,
    "score-segmentation": score_segmentation,
}


def _entrants(
    spec: Mapping[str, Any], inputs: Inputs, contract: type, run: Run, registry: Registry
) -> dict[str, Entrant]:
    """The metrics of a contract, each with what it needs: the reader trained on target images, the translator."""
    created: dict[str, Metric] = {choice["name"]: _create(registry, "metric", choice) for choice in spec["metrics"]}
    metrics = {name: metric for name, metric in created.items() if isinstance(metric, contract)}
    needs = {name: registry.find("metric", name).needs for name in metrics}
    given: dict[str, dict[str, Any]] = {name: {} for name in metrics}
    for need, kind, role, field in GIVEN:
        if asking := [name for name in metrics if need in needs[name]]:
            fitted = _load(registry, kind, spec[role], inputs[kind], run)
            for name in asking:
                given[name][field] = fitted
    conditions = {name: {"reader": _told(spec["reader"])} if "oracle" in needs[name] else {} for name in metrics}
    return {name: Entrant(metric, replace(run, **given[name]), conditions[name]) for name, metric in metrics.items()}


def _told(reader: Mapping[str, Any]) -> str:
    """A reader by name, and by a hash of all that decides what it learns."""
    return f"{reader['name']} {content_key({name: reader[name] for name in ('version', 'options')})[:6]}"


def _create(registry: Registry, kind: str, choice: Mapping[str, Any]) -> Any:
    return registry.create(registry.find(kind, choice["name"]), {**choice["options"], **choice.get(ASIDE, {})})


def _load(registry: Registry, kind: str, choice: Mapping[str, Any], fitted: Path, run: Run) -> Any:
    model = _create(registry, kind, choice)
    model.load(fitted / MODEL)
    model.to(run.device)
    return model


def _empty(folder: Path) -> Path:
    """A new folder; what an interrupted save left in it is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _labelled(inputs: Inputs, role: str) -> ImageSet:
    images = ImageSet.open(inputs[role])
    if images.labels is None:
        raise DataError(f"{role}: labelled images were expected, but the data set has no labels for them; add some")
    return images


def _resized(array: NDArray[np.uint8], height: int, width: int, *, smooth: bool) -> NDArray[np.uint8]:
    """An image, averaged over the pixels that fall together, or a label map, by its nearest pixels."""
    if array.shape[:2] == (height, width):
        return array
    from PIL import Image

    shrinks = height <= array.shape[0] and width <= array.shape[1]
    smoothing = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    picture = Image.fromarray(np.ascontiguousarray(array))
    return np.asarray(picture.resize((width, height), smoothing if smooth else Image.Resampling.NEAREST))


def _to_8_bit(images: Tensor) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = images.clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return pixels


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
