"""Cycle error: how far from an image a translator lands that goes to the target domain and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench_metrics.distance import absolute_distance
from benchmark import ClassSet, Invertible, PluginError, StageContext, TranslationMetric, Unavailable, Value


class CycleError(TranslationMetric):
    """Mean absolute difference between source images and what their stored translations are turned back into.

    Source: the forward half of equation 2 of Zhu et al. 2017, arXiv:1703.10593, measured on finished translations.
    """

    values: ClassVar[Mapping[str, Value]] = {
        "cycle_error": Value(
            "Mean absolute difference after there and back.", higher_is_better=False, heading="cycle error", unit="%"
        )
    }

    def start(self, classes: ClassSet, context: StageContext) -> None:
        """Set the sum to zero; `Unavailable` for a translator that does not know the way back."""
        translator: object = context.translator
        if not isinstance(translator, Invertible):
            raise Unavailable("cycle_error needs a translator with a way back, but this one has no inverse")
        self._translator = translator
        self._sum = 0.0
        self._images = 0

    def update(self, source: Tensor, translated: Tensor, labels: Tensor | None) -> None:
        """Turn a batch of translations back; `PluginError` when they come in another shape."""
        with torch.inference_mode():
            cycled = self._translator.inverse(translated)
        if cycled.shape != source.shape:
            raise PluginError(
                f"the translator's inverse returned shape {tuple(cycled.shape)}, but {tuple(source.shape)} was expected"
            )
        self._sum += absolute_distance(source, cycled).sum().item()
        self._images += len(source)

    def compute(self) -> dict[str, float]:
        """The mean over images; `Unavailable` when there was none."""
        if not self._images:
            raise Unavailable("cycle_error needs at least one translated image, got none")
        return {"cycle_error": self._sum / self._images}

    def details(self) -> dict[str, Any]:
        """How many images went there and back."""
        return {"images": self._images}
