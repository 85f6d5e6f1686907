"""Scores of predicted labels, all of them functions of one confusion matrix."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from benchmark import IGNORE, ClassSet, DataError, PluginError, SegmentationMetric, StageContext, Unavailable, Value

BYTES = 256


def confusion_matrix(predictions: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Count the pixels of each true class that were given each class.

    Args:
        predictions: uint8 train ids, any shape.
        labels: uint8 train ids of the same shape; pixels of `IGNORE` are left out.
        classes: How many classes there are.

    Returns:
        int64, shape (classes, classes), on the CPU; rows are ground truth, columns predictions.

    Raises:
        PluginError: Predictions of another type or shape, or outside the classes where the label counts.
        DataError: A label outside the classes that is not `IGNORE`.
    """
    if predictions.dtype != torch.uint8 or predictions.shape != labels.shape:
        raise PluginError(
            f"predictions: expected uint8 train ids of shape {tuple(labels.shape)}, got "
            f"{predictions.dtype} of shape {tuple(predictions.shape)}; see Segmenter.predict"
        )
    pairs = _count_pairs(predictions, labels.to(predictions.device))
    pairs[IGNORE] = 0
    if stray := _ids_from(pairs.sum(dim=1), classes):
        raise DataError(
            f"labels: expected train ids 0..{classes - 1} or {IGNORE} (ignore), got {stray}; "
            "check the class mapping of the data set"
        )
    if stray := _ids_from(pairs.sum(dim=0), classes):
        raise PluginError(f"predictions: expected train ids 0..{classes - 1}, got {stray}; see Segmenter.predict")
    return pairs[:classes, :classes].clone()


def _count_pairs(predictions: Tensor, labels: Tensor) -> Tensor:
    """How often each (label, prediction) pair of bytes occurs, shape (256, 256): one pass, no masks."""
    codes = labels.flatten().int() * BYTES + predictions.flatten()
    return torch.bincount(codes, minlength=BYTES * BYTES).view(BYTES, BYTES).cpu()


def _ids_from(counts: Tensor, first: int) -> str:
    """The ids at or above `first` that occur, for an error message."""
    occurring = counts[first:].nonzero().flatten() + first
    return ", ".join(map(str, occurring.tolist()))


def class_iou(confusion: Tensor) -> Tensor:
    """Intersection over union of each class.

    Args:
        confusion: Pixel counts, shape (classes, classes); rows are ground truth, columns predictions.

    Returns:
        float64, shape (classes,); 0 for a class that is predicted but never true, NaN for one that is neither.

    Source: Everingham et al. 2010, The PASCAL Visual Object Classes (VOC) Challenge.
    """
    hits = confusion.diagonal().double()
    return hits / (confusion.sum(dim=0) + confusion.sum(dim=1) - hits)


def class_accuracy(confusion: Tensor) -> Tensor:
    """Share of the pixels of each true class that were given that class (its recall).

    Args:
        confusion: As for `class_iou`.

    Returns:
        float64, shape (classes,); 0 for a class that is predicted but never true, NaN for one that is neither,
        so that `mean_pixel_accuracy` and `mean_iou` average over the same classes.
    """
    truth = confusion.sum(dim=1)
    present = truth + confusion.sum(dim=0) > 0
    return torch.where(present, confusion.diagonal().double() / truth.clamp(min=1), torch.nan)


def pixel_accuracy(confusion: Tensor) -> Tensor:
    """Share of all pixels that were given their class; NaN when `confusion` holds no pixel.

    Source: Long et al. 2015, arXiv:1411.4038, section 5, as are the three below.
    """
    return confusion.diagonal().sum().double() / confusion.sum()


def mean_pixel_accuracy(confusion: Tensor) -> Tensor:
    """`class_accuracy` averaged over the classes that are true or predicted somewhere."""
    return class_accuracy(confusion).nanmean()


def mean_iou(confusion: Tensor) -> Tensor:
    """`class_iou` averaged over the classes that are true or predicted somewhere."""
    return class_iou(confusion).nanmean()


def frequency_weighted_iou(confusion: Tensor) -> Tensor:
    """`class_iou` averaged over classes, each weighted by its share of ground-truth pixels."""
    share = confusion.sum(dim=1).double() / confusion.sum()
    return (share * class_iou(confusion).nan_to_num(0.0)).sum()


SCORES = {
    "miou": mean_iou,
    "pixel_accuracy": pixel_accuracy,
    "mean_pixel_accuracy": mean_pixel_accuracy,
    "fwiou": frequency_weighted_iou,
}


class SegmentationScores(SegmentationMetric):
    """Pixel accuracy, mean pixel accuracy, mIoU and FWIoU over all pixels of a test set, taken together."""

    values: ClassVar = {
        "miou": Value(
            "Intersection over union, averaged over classes.", higher_is_better=True, heading="mIoU", unit="%"
        ),
        "pixel_accuracy": Value(
            "Share of pixels with the right class.", higher_is_better=True, heading="pixel acc", unit="%"
        ),
        "mean_pixel_accuracy": Value(
            "Pixel accuracy, averaged over classes.", higher_is_better=True, heading="mean acc", unit="%"
        ),
        "fwiou": Value(
            "Intersection over union, weighted by class share.", higher_is_better=True, heading="FWIoU", unit="%"
        ),
    }

    def start(self, classes: ClassSet, context: StageContext) -> None:
        """Set the counts to zero."""
        self._classes = classes
        self._confusion = torch.zeros(len(classes), len(classes), dtype=torch.int64)
        self._intersections: list[list[int]] = []
        self._unions: list[list[int]] = []
        self._pixels = 0

    def update(self, predictions: Tensor, labels: Tensor) -> None:
        """Count a batch, image by image; raises as `confusion_matrix` does."""
        for predicted, label in zip(predictions, labels, strict=True):
            confusion = confusion_matrix(predicted, label, len(self._classes))
            self._confusion += confusion
            hits = confusion.diagonal()
            self._intersections.append(hits.tolist())
            self._unions.append((confusion.sum(dim=0) + confusion.sum(dim=1) - hits).tolist())
        self._pixels += labels.numel()

    def compute(self) -> dict[str, float]:
        """The four scores; `Unavailable` when no pixel counted."""
        if not self._confusion.any():
            raise Unavailable("segmentation scores need labelled pixels, but every label is 'ignore' or none was given")
        return {name: score(self._confusion).item() for name, score in SCORES.items()}

    def details(self) -> dict[str, Any]:
        """What the scores are made of.

        IoU and accuracy by class name (null: neither true nor predicted), the confusion matrix, ignored pixels, and
        of each test image the counts that IoU is the ratio of, class by class, from which intervals are computed.
        """
        return {
            "iou": self._by_class(class_iou(self._confusion)),
            "accuracy": self._by_class(class_accuracy(self._confusion)),
            "confusion": self._confusion.tolist(),
            "ignored_pixels": self._pixels - int(self._confusion.sum()),
            "image_counts": {"intersection": self._intersections, "union": self._unions},
        }

    def _by_class(self, scores: Tensor) -> dict[str, float | None]:
        present = [None if score != score else score for score in scores.tolist()]
        return dict(zip(self._classes.names, present, strict=True))
