"""Diversity: how much the variants differ that a translator makes of one image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench_metrics.distance import absolute_distance
from benchmark import ClassSet, StageContext, TranslationMetric, Unavailable, Value


def pairwise_distance(variants: Tensor) -> Tensor:
    """Mean absolute distance over all pairs of variants of each image.

    Args:
        variants: float32 in [0, 1], shape (V, N, 3, H, W), V at least 2.

    Returns:
        float64 in [0, 1], shape (N,).

    Source: Zhu et al. 2017, Toward Multimodal Image-to-Image Translation, arXiv:1711.11586, section 4, with the
    absolute distance in place of LPIPS and all pairs in place of random ones.
    """
    count = len(variants)
    pairs = count * (count - 1) / 2
    to_later = [absolute_distance(variants[first], variants[first + 1 :]).sum(dim=0) for first in range(count - 1)]
    return torch.stack(to_later).sum(dim=0) / pairs


class Diversity(TranslationMetric):
    """Mean distance of the stored variants of one image, averaged over images."""

    values: ClassVar[Mapping[str, Value]] = {
        "diversity": Value("Mean absolute difference between variants of one image.", higher_is_better=True, unit="%")
    }

    def start(self, classes: ClassSet, context: StageContext) -> None:
        """Set the sum to zero."""
        self._sum = 0.0
        self._images = 0
        self._variants = 0

    def update(self, source: Tensor, translated: Tensor, labels: Tensor | None) -> None:
        """Nothing: what counts comes through `update_variants`."""

    def update_variants(self, variants: Tensor) -> None:
        """Take in all variants of a batch; `Unavailable` when there is only one."""
        self._variants = len(variants)
        if self._variants < 2:
            raise Unavailable("diversity needs several variants of an image, but this translator makes one")
        self._sum += pairwise_distance(variants).sum().item()
        self._images += variants.shape[1]

    def compute(self) -> dict[str, float]:
        """The mean over images; `Unavailable` when there was none."""
        if not self._images:
            raise Unavailable("diversity needs at least one translated image, got none")
        return {"diversity": self._sum / self._images}

    def details(self) -> dict[str, Any]:
        """How many images were looked at, in how many variants each."""
        return {"images": self._images, "variants": self._variants}
