"""A segmenter that has nothing to learn: what `context.source_segmenter` is in the suites."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from benchmark.api.imageset import ImageSet
from benchmark.api.options import PluginOptions
from benchmark.api.segmenter import Segmenter
from benchmark.api.stage_context import StageContext
from benchmark.testing.domains import WARM, Colours

SHARPNESS = 20.0
"""Class scores fall by this per unit of squared RGB distance."""


class NearestColour(Segmenter):
    """Gives each pixel the class whose colour is nearest; its scores have a gradient to the images.

    Args:
        colours: One for each class, 8-bit RGB.
    """

    def __init__(self, colours: Colours = WARM) -> None:
        super().__init__(PluginOptions())
        self._colours = torch.tensor(colours, dtype=torch.float32) / 255

    def fit(self, train: ImageSet, target: ImageSet | None, validation: ImageSet | None, context: StageContext) -> None:
        """Nothing to learn: the colours of the scenes are known."""

    def predict(self, images: Tensor) -> Tensor:
        """The class of the highest score."""
        return self.logits(images).argmax(1).byte()

    def logits(self, images: Tensor) -> Tensor:
        """Minus the squared distance to the colour of each class, shape (N, classes, H, W)."""
        colours = self._colours.to(images.device)[:, :, None, None]
        return -SHARPNESS * (images.float()[:, None] - colours).square().sum(2)

    def save(self, folder: Path) -> None:
        """Nothing to keep."""

    def load(self, folder: Path) -> None:
        """Nothing was kept."""
