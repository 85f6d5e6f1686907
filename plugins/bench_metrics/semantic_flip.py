"""Semantic flips: how often a translation changes what a pixel shows, as read by a segmenter of the target domain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from bench_metrics.segmentation import confusion_matrix, mean_iou, mean_pixel_accuracy
from benchmark import IGNORE, ClassSet, FittedSegmenter, StageContext, TranslationMetric, Unavailable, Value

SHOWN = 10
"""How many of the strongest flips, and of the worst images, the details list."""


class Flip(NamedTuple):
    """A class that is read as another one."""

    label: int
    reading: int


@dataclass(frozen=True)
class ImageFlips:
    """What happened in one image.

    Attributes:
        index: Its place in the source set.
        labelled: Its labelled pixels.
        flipped: Those of them that are read as another class once translated.
        flipped_before: Those of them that are read as another class in the source image.
        main: The flip of most pixels; None where nothing flipped.
    """

    index: int
    labelled: int
    flipped: int
    flipped_before: int
    main: Flip | None


def flipped_pixels(readings: Tensor) -> int:
    """Labelled pixels that are read as another class.

    Args:
        readings: Pixel counts, shape (classes, classes); rows are labels, columns readings.
    """
    return int(readings.sum() - readings.diagonal().sum())


def flip_rate(readings: Tensor) -> float:
    """Share of labelled pixels that are read as another class; NaN when `readings` holds no pixel."""
    total = int(readings.sum())
    return flipped_pixels(readings) / total if total else float("nan")


def strongest_flips(readings: Tensor, limit: int = SHOWN) -> list[Flip]:
    """The flips of most pixels, most first; of equal ones, those of the first label and reading."""
    flips = readings.clone()
    flips.fill_diagonal_(0)
    counts, codes = flips.flatten().sort(descending=True, stable=True)
    occurring = int((counts > 0).sum())
    strongest = codes[: min(limit, occurring)].tolist()
    return [Flip(*divmod(code, len(readings))) for code in strongest]


def introduced_flips(labels: Tensor, before: Tensor, after: Tensor) -> int:
    """Labelled pixels that are read as their label before translation, and as something else after it.

    Args:
        labels: uint8 train ids, any shape; pixels of `IGNORE` are left out.
        before: Readings of the source image, of the same type and shape.
        after: Readings of its translation.
    """
    labelled = labels != IGNORE
    introduced = labelled & (before == labels) & (after != labels)
    return int(introduced.sum())


def describe_flip(flip: Flip, before: Tensor, after: Tensor, names: Sequence[str]) -> str:
    """One line, such as "sky -> tree: 12.3 % of sky (1.1 % before translation)".

    Args:
        flip: Which one.
        before: Pixel counts of the readings of source images, shape (classes, classes), rows are labels.
        after: The same of their translations.
        names: Names of the classes.
    """
    share = 100 * int(after[flip]) / int(after[flip.label].sum())
    share_before = 100 * int(before[flip]) / int(before[flip.label].sum())
    label, reading = names[flip.label], names[flip.reading]
    return f"{label} -> {reading}: {share:.1f} % of {label} ({share_before:.1f} % before translation)"


def worst_images(images: Sequence[ImageFlips], limit: int = SHOWN) -> list[ImageFlips]:
    """The images with the largest share of flipped pixels, largest first, none without a flip."""
    flipped = [image for image in images if image.flipped]
    return sorted(flipped, key=lambda image: (-image.flipped / image.labelled, image.index))[:limit]


class SemanticFlip(TranslationMetric):
    """Source labels against what a segmenter, trained on the labelled target set, reads in translated images."""

    values: ClassVar[Mapping[str, Value]] = {
        "flip_rate": Value(
            "Share of pixels read as another class once translated.",
            higher_is_better=False,
            heading="flips",
            unit="%",
        ),
        "fcn_score_miou": Value(
            "IoU of the reading, averaged over classes.", higher_is_better=True, heading="FCN-score mIoU", unit="%"
        ),
        "flip_rate_introduced": Value(
            "Share of pixels read rightly before translation and wrongly after it.",
            higher_is_better=False,
            headline=False,
            unit="%",
        ),
        "flip_rate_source": Value(
            "Share of pixels of the source read as another class.",
            higher_is_better=False,
            headline=False,
            unit="%",
        ),
        "fcn_score_class_accuracy": Value(
            "Accuracy of the reading, averaged over classes.",
            higher_is_better=True,
            headline=False,
            unit="%",
        ),
    }

    def start(self, classes: ClassSet, context: StageContext) -> None:
        """Set the counts to zero; `Unavailable` without the segmenter of target images."""
        if context.target_segmenter is None:
            raise Unavailable("semantic flips need a segmenter trained on labelled target images, but there is none")
        self._start(classes, context.target_segmenter)

    def _start(self, classes: ClassSet, segmenter: FittedSegmenter) -> None:
        self._segmenter = segmenter
        self._classes = classes
        self._before, self._after = torch.zeros(2, len(classes), len(classes), dtype=torch.int64)
        self._introduced = 0
        self._images: list[ImageFlips] = []
        self._ids: tuple[str, ...] = ()

    def name_images(self, ids: Sequence[str]) -> None:
        """Take the ids by which the details are to name images; without them they are counted from 0."""
        self._ids = tuple(ids)

    def update(self, source: Tensor, translated: Tensor, labels: Tensor | None) -> None:
        """Read a batch before and after translation; `Unavailable` without source labels."""
        if labels is None:
            raise Unavailable("semantic flips need labels of the source images, but they have none")
        with torch.inference_mode():
            before, after = self._segmenter.predict(source), self._segmenter.predict(translated)
        for readings in zip(labels, before, after, strict=True):
            self._count(*readings)

    def _count(self, labels: Tensor, before: Tensor, after: Tensor) -> None:
        """Take in one image."""
        table_before = confusion_matrix(before, labels, len(self._classes))
        table = confusion_matrix(after, labels, len(self._classes))
        self._before += table_before
        self._after += table
        self._introduced += introduced_flips(labels.to(after.device), before, after)
        main = next(iter(strongest_flips(table, 1)), None)
        self._images.append(
            ImageFlips(len(self._images), int(table.sum()), flipped_pixels(table), flipped_pixels(table_before), main)
        )

    def compute(self) -> dict[str, float]:
        """The five numbers over all images; `Unavailable` when no pixel counted."""
        if not self._after.any():
            raise Unavailable("semantic flips need labelled pixels, but every label is 'ignore' or there is no image")
        return {
            "flip_rate": flip_rate(self._after),
            "fcn_score_miou": mean_iou(self._after).item(),
            "flip_rate_introduced": self._introduced / int(self._after.sum()),
            "flip_rate_source": flip_rate(self._before),
            "fcn_score_class_accuracy": mean_pixel_accuracy(self._after).item(),
        }

    def details(self) -> dict[str, Any]:
        """Strongest flips, worst images, and pixels by label and reading, after and before translation."""
        names = self._classes.names
        flips = strongest_flips(self._after)
        highlights = [describe_flip(flip, self._before, self._after, names) for flip in flips]
        worst = [self._image_details(image) for image in worst_images(self._images)]
        return {
            "images": len(self._images),
            "highlights": highlights,
            "worst_images": worst,
            "table": _by_name(self._after, names),
            "table_source": _by_name(self._before, names),
        }

    def _image_details(self, image: ImageFlips) -> dict[str, Any]:
        assert image.main is not None
        return {
            "image": self._ids[image.index] if self._ids else image.index,
            "flip_rate": image.flipped / image.labelled,
            "flip_rate_source": image.flipped_before / image.labelled,
            "main_flip": " -> ".join(self._classes.names[number] for number in image.main),
        }


class SourceFlip(SemanticFlip):
    """The same as read by a segmenter trained on the labelled source set, which needs no target labels."""

    values: ClassVar[Mapping[str, Value]] = {
        "source_flip_rate": Value(
            "Share of pixels that a segmenter of the source reads as another class once translated.",
            higher_is_better=False,
            headline=False,
            unit="%",
        ),
        "source_flip_rate_introduced": Value(
            "Share of pixels that a segmenter of the source reads rightly before translation and wrongly after it.",
            higher_is_better=False,
            headline=False,
            unit="%",
        ),
    }

    def start(self, classes: ClassSet, context: StageContext) -> None:
        """Set the counts to zero; `Unavailable` without the segmenter of source images."""
        if context.source_segmenter is None:
            raise Unavailable("flips need a segmenter trained on the labelled source images, but there is none")
        self._start(classes, context.source_segmenter)

    def compute(self) -> dict[str, float]:
        """The two numbers over all images; `Unavailable` when no pixel counted."""
        found = super().compute()
        return {f"source_{name}": found[name] for name in ("flip_rate", "flip_rate_introduced")}


def _by_name(table: Tensor, names: Sequence[str]) -> dict[str, dict[str, int]]:
    rows = [dict(zip(names, row, strict=True)) for row in table.tolist()]
    return dict(zip(names, rows, strict=True))
