"""What each kind of stage does with its inputs; the only place where plugins meet data."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.contracts.dataset import IGNORE, ClassSet, Dataset, Sample
from benchmark.contracts.metric import Metric, NamesImages, SegmentationMetric, TranslationMetric
from benchmark.contracts.run import Run
from benchmark.contracts.segmenter import Segmenter
from benchmark.contracts.translator import Invertible, MultiVariant, Translator
from benchmark.errors import BenchError, DataError, PluginError, Unavailable
from benchmark.imageset import ImageSet, ImageSetWriter
from benchmark.plan import ASIDE
from benchmark.registry import Registry
from benchmark.store import GALLERY, METRICS, plain, write_json

if TYPE_CHECKING:
    from torch import Tensor

MODEL = "model"
SHOWN = 4
"""Images per stage that are kept for people to look at."""
PIXELS_PER_BATCH = {"cpu": 1 << 18, "cuda": 1 << 21}
"""Bounds the memory of a batch at any image size; part of what `FORMATS` stands for."""

Inputs = Mapping[str, Path]


class ContractBroken(BenchError):
    """A plugin returned something else than its contract says."""


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
        _check_sample(sample, dataset.classes, labelled=labelled, where=where)
        label = None if sample.label is None else _resized(sample.label, height, width, smooth=False)
        writer.put(index, _resized(sample.image, height, width, smooth=True), label)
        run.progress(index + 1, len(ids))
    writer.close()


def fit_translator(spec: Mapping[str, Any], inputs: Inputs, run: Run, registry: Registry) -> None:
    """Train a translator on source and target images; it sees source labels only where it declares that need."""
    translator: Translator = _create(registry, "translator", spec["translator"])
    source = ImageSet.open(inputs["source"])
    if "source_labels" not in registry.find("translator", spec["translator"]["name"]).needs:
        source = source.without_labels()
    translator.fit(source, ImageSet.open(inputs["target"]).without_labels(), run)
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
        for batch in _batches(source, run):
            images = _translated(translator, source.image_batch(batch), variant, run, spec["translator"]["name"])
            for index, image in zip(batch, _to_8_bit(images), strict=True):
                writer.put(index, image, source.labels[index] if source.labels is not None else None, variant)
            run.progress(variant * len(source) + batch[-1] + 1, total)
    writer.close()
    run.report(images_per_second=total / (time.perf_counter() - started), variants=variants)
    _picture_translations(translator, source, run, spec["translator"]["name"])


def score_translation(spec: Mapping[str, Any], inputs: Inputs, run: Run, registry: Registry) -> None:
    """Measure all translated training images against their sources and the target's training images."""
    source, translated, target = (ImageSet.open(inputs[role]) for role in ("source", "translated", "target"))
    with Scores(registry, spec["metrics"], TranslationMetric, source.classes, run) as scores:
        scores.call("name_images", source.ids, only=NamesImages)
        if scores.live:
            for batch in _batches(target, run):
                scores.call("reference", _on(run, target.image_batch(batch)))
        if scores.live:
            for batch in _batches(source, run):
                pair = _on(run, source.image_batch(batch)), _on(run, translated.image_batch(batch))
                labels = None if source.labels is None else _on(run, source.label_batch(batch))
                scores.call("update", *pair, labels)
                run.progress(batch[-1] + 1, len(source))


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
    shown = set(_evenly_spaced(len(test), SHOWN))
    with Scores(registry, spec["metrics"], SegmentationMetric, test.classes, run) as scores:
        for batch in _batches(test, run):
            predictions = _predicted(segmenter, test, batch, run, name)
            scores.call("update", predictions, _on(run, test.label_batch(batch)))
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


class Scores:
    """The metrics of one evaluation: those that apply, what they gave, and why others gave nothing.

    Used as a context: the scores are written into the folder of the run at its end.

    Attributes:
        live: The metrics that still take part, by the name of their plugin.
    """

    def __init__(
        self,
        registry: Registry,
        choices: Sequence[Mapping[str, Any]],
        contract: type,
        classes: ClassSet,
        run: Run,
    ) -> None:
        created: dict[str, Metric] = {choice["name"]: _create(registry, "metric", choice) for choice in choices}
        self._all: dict[str, Metric] = {name: one for name, one in created.items() if isinstance(one, contract)}
        self._missing: dict[str, str] = {}
        self._run = run
        self.live = dict(self._all)
        _check_distinct(self._all)
        self.call("start", classes, run)

    def call(self, method: str, *data: Any, only: type = Metric) -> None:
        """Call a method of every metric that still takes part; one that raises `Unavailable` drops out.

        Args:
            method: Its name.
            data: Its arguments.
            only: The contract that has the method, where it is not that of all.
        """
        for name in [name for name, metric in self.live.items() if isinstance(metric, only)]:
            with self._dropping_out(name) as metric:
                getattr(metric, method)(*data)

    def __enter__(self) -> Scores:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            write_json(self._run.folder / METRICS, self._table(), indent=1)

    @contextmanager
    def _dropping_out(self, name: str) -> Iterator[Metric]:
        try:
            yield self.live[name]
        except Unavailable as reason:
            self._missing |= dict.fromkeys(self.live.pop(name).values, str(reason))

    def _table(self) -> dict[str, Any]:
        numbers: dict[str, float] = {}
        for name in list(self.live):
            with self._dropping_out(name) as metric:
                numbers |= _computed(name, metric)
        nowhere = {name: "undefined on this data" for name, number in numbers.items() if not math.isfinite(number)}
        return {
            "metrics": {name: number for name, number in numbers.items() if name not in nowhere},
            "missing": self._missing | nowhere,
            "details": {name: plain(metric.details()) for name, metric in self.live.items() if metric.details()},
            "values": {name: asdict(value) for metric in self._all.values() for name, value in metric.values.items()},
        }


def _check_distinct(metrics: Mapping[str, Metric]) -> None:
    owner: dict[str, str] = {}
    for plugin, metric in metrics.items():
        for value in metric.values:
            if value in owner:
                raise PluginError(f"metrics '{owner[value]}' and '{plugin}' both give '{value}'; choose one of them")
            owner[value] = plugin


def _computed(name: str, metric: Metric) -> dict[str, float]:
    numbers = {value: float(number) for value, number in metric.compute().items()}
    if set(numbers) != set(metric.values):
        raise ContractBroken(f"metric '{name}' returned {sorted(numbers)}, but declares {sorted(metric.values)}")
    return numbers


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


def _check_sample(sample: Sample, classes: ClassSet, *, labelled: bool, where: str) -> None:
    image, label = sample.image, sample.label
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
    counts = np.bincount(label.ravel(), minlength=256)
    counts[IGNORE] = 0
    if counts[len(classes) :].any():
        found = int(np.flatnonzero(counts)[-1])
        raise DataError(f"{where}: expected label ids below {len(classes)} (or {IGNORE}), found {found}")


def _size(array: NDArray[np.uint8]) -> str:
    return "x".join(map(str, array.shape[:2]))


def _resized(array: NDArray[np.uint8], height: int, width: int, *, smooth: bool) -> NDArray[np.uint8]:
    """An image, averaged over the pixels that fall together, or a label map, by its nearest pixels."""
    if array.shape[:2] == (height, width):
        return array
    from PIL import Image

    shrinks = height <= array.shape[0] and width <= array.shape[1]
    smoothing = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    picture = Image.fromarray(np.ascontiguousarray(array))
    return np.asarray(picture.resize((width, height), smoothing if smooth else Image.Resampling.NEAREST))


def _batches(images: ImageSet, run: Run) -> Iterator[range]:
    size = max(1, PIXELS_PER_BATCH[run.device] // math.prod(images.size))
    return (range(start, min(start + size, len(images))) for start in range(0, len(images), size))


def _on(run: Run, tensor: Tensor) -> Tensor:
    return tensor.to(run.device, non_blocking=True)


def _to_8_bit(images: Tensor) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = images.clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return pixels


def _translated(translator: Translator, images: Tensor, variant: int, run: Run, name: str) -> Tensor:
    import torch

    images = _on(run, images)
    with torch.inference_mode():
        found = translator.translate(images, variant=variant)
    _check_images(found, images, f"translator '{name}'")
    return found


def _check_images(found: Any, given: Tensor, who: str) -> None:
    import torch

    if not isinstance(found, torch.Tensor):
        raise ContractBroken(f"{who} returned {type(found).__name__}, but a tensor was expected")
    if found.shape != given.shape:
        raise ContractBroken(f"{who} returned shape {tuple(found.shape)}, but {tuple(given.shape)} was expected")
    if found.dtype != torch.float32:
        raise ContractBroken(f"{who} returned {found.dtype}, but float32 was expected")
    if not torch.isfinite(found).all():
        raise ContractBroken(f"{who} returned values that are not finite (NaN or infinity)")


def _predicted(segmenter: Segmenter, test: ImageSet, batch: Sequence[int], run: Run, name: str) -> Tensor:
    import torch

    with torch.inference_mode():
        found = segmenter.predict(_on(run, test.image_batch(batch)))
    expected = (len(batch), *test.size)
    if tuple(found.shape) != expected or found.dtype != torch.uint8:
        raise ContractBroken(
            f"segmenter '{name}' returned {found.dtype} {tuple(found.shape)}, but uint8 {expected} was expected"
        )
    if int(found.max()) >= len(test.classes):
        raise ContractBroken(
            f"segmenter '{name}' predicted train id {int(found.max())}, but there are {len(test.classes)} classes"
        )
    return found


def _evenly_spaced(count: int, wanted: int) -> list[int]:
    """Indices of at most `wanted` of `count` things, spread over them; always the same ones."""
    shown = min(wanted, count)
    return [round(step * (count - 1) / max(1, shown - 1)) for step in range(shown)]


def _picture_translations(translator: Translator, source: ImageSet, run: Run, name: str) -> None:
    """Keep strips of source | translated, and | back again where the translator knows the way."""
    import torch

    for number, index in enumerate(_evenly_spaced(len(source), SHOWN)):
        images = _on(run, source.image_batch([index]))
        strip = [images, _translated(translator, images, 0, run, name)]
        if isinstance(translator, Invertible):
            with torch.inference_mode():
                cycled = translator.inverse(strip[1])
            _check_images(cycled, images, f"translator '{name}', inverse,")
            strip.append(cycled)
        run.images(f"translation-{number}", torch.cat(strip, dim=3)[0])


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
