"""Pixel counts of single test images, from which follows how much a score depends on which images were tested."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.results.record_fields import RANKED_BY

Counts = NDArray[np.float64]
TOLERANCE = 1e-6
"""Counts whose mIoU differs by more from that of their record are not those it was computed from."""


@dataclass(frozen=True, eq=False)
class GroupCounts:
    """Intersections and unions of predicted and true pixels, summed over the images of each group.

    Images of a group, such as a video, are not independent; groups are.

    Attributes:
        intersection: Shape (groups, classes).
        union: Shape (groups, classes).
        images: How many images the groups have together.
    """

    intersection: Counts
    union: Counts
    images: int

    @property
    def groups(self) -> int:
        """Number of groups."""
        return len(self.union)

    @property
    def miou(self) -> float:
        """Mean over the classes that are true or predicted somewhere."""
        return float(_mean_iou(self.intersection.sum(axis=0), self.union.sum(axis=0)))

    @cached_property
    def miou_without_group(self) -> Counts:
        """mIoU of all other images, for each group; shape (groups,)."""
        return _mean_iou(*self._totals_without_group)

    def iou_without_group(self, number: int) -> Counts:
        """IoU of a class in all other images, for each group, NaN where it is not in them; shape (groups,)."""
        intersection, union = self._totals_without_group
        return _ratio(intersection[:, number], union[:, number])

    @cached_property
    def _totals_without_group(self) -> tuple[Counts, Counts]:
        intersection = self.intersection.sum(axis=0) - self.intersection
        union = self.union.sum(axis=0) - self.union
        return intersection, union


def _ratio(intersection: Counts, union: Counts) -> Counts:
    unknown = np.full(np.shape(union), np.nan)
    quotients: Counts = np.divide(intersection, union, out=unknown, where=union > 0)
    return quotients


def _mean_iou(intersection: Counts, union: Counts) -> Counts:
    """Mean over the last axis of the IoU of classes with a union; NaN where there is none."""
    iou = _ratio(intersection, union)
    present = np.maximum((union > 0).sum(axis=-1), 1)
    total = np.nansum(iou, axis=-1)
    return np.where((union > 0).any(axis=-1), total / present, np.nan)


def group_counts(record: Mapping[str, Any]) -> GroupCounts | None:
    """Counts of a record, by the groups of its test images; None where it has none, or others than its mIoU is of."""
    score = record["metrics"].get(RANKED_BY)
    if score is None or not math.isfinite(score):
        return None
    for images in _stored_counts(record):
        intersection, union = np.array(images["intersection"], float), np.array(images["union"], float)
        groups = record.get("test_groups") or range(len(union))
        if len(groups) == len(union):
            counts = GroupCounts(_sums_by_group(intersection, groups), _sums_by_group(union, groups), len(union))
            if abs(counts.miou - score) <= TOLERANCE:
                return counts
    return None


def has_unused_counts(record: Mapping[str, Any]) -> bool:
    """Whether a record has counts of single images, but none that its mIoU and groups of images fit."""
    return bool(_stored_counts(record)) and group_counts(record) is None


def _stored_counts(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    sections = [section.get("image_counts") for section in record["details"].values()]
    return [images for images in sections if isinstance(images, Mapping) and "intersection" in images]


def _sums_by_group(counts: Counts, groups: Sequence[Hashable]) -> Counts:
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    sums = np.zeros((len(numbers), counts.shape[1]))
    np.add.at(sums, [numbers[group] for group in groups], counts)
    return sums
