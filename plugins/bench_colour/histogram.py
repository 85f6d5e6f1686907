"""Histogram matching channel by channel: the baseline that takes all of a colour distribution but not its relations."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import pad

from bench_colour.options import HistogramOptions
from bench_colour.shared import chosen, image_batches, read_measures
from benchmark import ImageSet, PluginOptions, StageContext, Translator

LEVELS = 256
HISTOGRAM, FILE = "histogram", "histogram.safetensors"


def histograms_of(images: Tensor) -> Tensor:
    """Pixels at each 8-bit level of images (N, 3, H, W) in [0, 1], counted by channel: int64, shape (N, 3, 256)."""
    return _counted(_levels(images))


def matched_levels(own: Tensor, target: Tensor) -> Tensor:
    r"""To which level each of an image's levels goes, so that its histogram becomes the target's.

    With S and T the cumulative histograms, as shares of the pixels, level r goes to z(r) = T^{-1}(S(r)). T^{-1} is
    linear between the levels that the target holds, so that z need not be whole, and S(r) below the first of them
    gives that one.

    Args:
        own: Counts of each image, shape (N, 3, 256).
        target: Counts for all images (shape (1, 3, 256)) or for each of them (shape (N, 3, 256)).

    Returns:
        Levels in [0, 255], float64, shape (N, 3, 256).

    Source: Gonzalez and Woods 2018, "Digital Image Processing", section 3.3, "histogram matching".
    """
    shares, reference = _cumulative(own), _cumulative(target).expand(own.shape).contiguous()
    upper = torch.searchsorted(reference, shares)
    below, reached = pad(reference, (1, 0)).gather(2, upper), reference.gather(2, upper)
    lower = torch.searchsorted(reference, below)
    between = lower + (upper - lower) * (shares - below) / (reached - below)
    return torch.where(below > 0, between, upper)


def match(images: Tensor, target: Tensor) -> Tensor:
    """Images (N, 3, H, W) in [0, 1] with the histograms `target`, of shape (1, 3, 256) or (N, 3, 256)."""
    levels = _levels(images)
    values = matched_levels(_counted(levels), target).div(LEVELS - 1).to(images.dtype)
    return values.gather(2, levels.flatten(2)).view_as(images)


class Histogram(Translator):
    """Histogram matching in RGB, image by image and channel by channel.

    Pixels of one level stay of one level, and a level counts with all its pixels: S(r) includes those at r. Large even
    areas therefore become as bright as the brightest target pixels that their share of the image reaches, and an image
    of one colour becomes the brightest level of the target in each channel.

    Source: Gonzalez and Woods 2018, "Digital Image Processing", section 3.3. The book has one target histogram; here
    it may be that of a set of images.
    """

    Options: ClassVar[type[PluginOptions]] = HistogramOptions
    options: HistogramOptions

    def __init__(self, options: HistogramOptions) -> None:
        super().__init__(options)
        self._target = torch.ones(1, 3, LEVELS, dtype=torch.int64)

    def fit(self, source: ImageSet, target: ImageSet, context: StageContext) -> None:
        """Count the levels of the target images."""
        counts = torch.cat([histograms_of(images) for images in image_batches(target, context)]).cpu()
        self._target = counts.sum(0, keepdim=True) if self.options.statistics == "dataset" else counts

    def translate(self, images: Tensor, variant: int = 0) -> Tensor:
        """Source images with the target's histograms, whatever batch they come in."""
        rows = chosen(images, len(self._target))
        return match(images, self._target[rows].to(images.device))

    def save(self, folder: Path) -> None:
        """Write the histograms."""
        save_file({HISTOGRAM: self._target}, folder / FILE)

    def load(self, folder: Path) -> None:
        """Read the histograms; `StoreError` when they are not there."""
        (self._target,) = read_measures(folder / FILE, HISTOGRAM)


def _levels(images: Tensor) -> Tensor:
    return images.mul(LEVELS - 1).round().long()


def _counted(levels: Tensor) -> Tensor:
    rows = levels.flatten(0, 1).flatten(1)
    offsets = torch.arange(len(rows), device=rows.device)[:, None] * LEVELS
    counts = torch.bincount((rows + offsets).flatten(), minlength=len(rows) * LEVELS)
    return counts.view(*levels.shape[:2], LEVELS)


def _cumulative(counts: Tensor) -> Tensor:
    # In whole numbers up to the division: equal shares must compare as equal.
    return counts.cumsum(2).double() / counts.sum(2, keepdim=True)
