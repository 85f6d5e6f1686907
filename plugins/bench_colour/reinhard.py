"""Colour transfer by the mean and deviation of three decorrelated channels: the baseline without learning."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, NamedTuple

import torch
from safetensors.torch import save_file
from torch import Tensor

from bench_colour.options import ReinhardOptions
from bench_colour.shared import chosen, image_batches, read_measures
from benchmark import ImageSet, PluginOptions, StageContext, Translator

RGB_TO_LMS = ((0.3811, 0.5783, 0.0402), (0.1967, 0.7244, 0.0782), (0.0241, 0.1288, 0.8444))
"""Reinhard et al. 2001, equation 4."""

DARKEST = 1 / 255
"""Cone responses are raised to this before their logarithm, which has no value for black."""

STATISTICS = "statistics.safetensors"


class Statistics(NamedTuple):
    """Mean and standard deviation of the channels l, alpha, beta of N images, each of shape (N, 3)."""

    mean: Tensor
    deviation: Tensor


def rgb_to_lab(images: Tensor) -> Tensor:
    """From RGB in [0, 1] to l, alpha, beta, shape (N, 3, H, W).

    Source: Reinhard et al. 2001, "Color transfer between images", equations 4 to 6, with `DARKEST` as floor.
    """
    cones = _mixed(images, torch.tensor(RGB_TO_LMS)).clamp_min(DARKEST).log10()
    return _mixed(cones, _lms_to_lab())


def lab_to_rgb(lab: Tensor) -> Tensor:
    """The inverse of `rgb_to_lab`, cut to [0, 1].

    The inverses that the paper prints (equations 8 and 9) are off in the second decimal; these are exact, so that
    equal statistics change nothing.
    """
    cones = 10 ** _mixed(lab, torch.linalg.inv(_lms_to_lab()))
    return _mixed(cones, torch.linalg.inv(torch.tensor(RGB_TO_LMS))).clamp(0, 1)


def statistics_of(lab: Tensor) -> Statistics:
    """Of each image of shape (N, 3, H, W)."""
    deviation, mean = torch.std_mean(lab, dim=(2, 3), correction=0)
    return Statistics(mean, deviation)


def transfer(lab: Tensor, target: Statistics) -> Tensor:
    """Give each image the mean and deviation of a target.

    Args:
        lab: Shape (N, 3, H, W).
        target: For all images (shape (1, 3)) or for each of them (shape (N, 3)).

    Returns:
        Shape (N, 3, H, W). A channel that is constant stays so, at the target's mean.

    Source: Reinhard et al. 2001, equations 10 and 11.
    """
    own = statistics_of(lab)
    scale = torch.where(own.deviation > 1e-6, target.deviation / own.deviation, 1.0)
    return (lab - own.mean[..., None, None]) * scale[..., None, None] + target.mean[..., None, None]


class Reinhard(Translator):
    """Colour transfer in l-alpha-beta, image by image.

    Source: Reinhard, Ashikhmin, Gooch and Shirley 2001, "Color transfer between images", IEEE Computer Graphics and
    Applications 21(5). The paper has one target image; here it may be the average of a set.
    """

    Options: ClassVar[type[PluginOptions]] = ReinhardOptions
    options: ReinhardOptions

    def __init__(self, options: ReinhardOptions) -> None:
        super().__init__(options)
        self._target = Statistics(torch.zeros(1, 3), torch.ones(1, 3))

    def fit(self, source: ImageSet, target: ImageSet, context: StageContext) -> None:
        """Measure the target images."""
        parts = [statistics_of(rgb_to_lab(images)) for images in image_batches(target, context)]
        means, deviations = (torch.cat(values).cpu() for values in zip(*parts, strict=True))
        if self.options.statistics == "dataset":
            means, deviations = means.mean(0, keepdim=True), deviations.mean(0, keepdim=True)
        self._target = Statistics(means, deviations)

    def translate(self, images: Tensor, variant: int = 0) -> Tensor:
        """Source images in the colours of the target, whatever batch they come in."""
        rows = chosen(images, len(self._target.mean))
        target = Statistics(*(values[rows].to(images.device) for values in self._target))
        return lab_to_rgb(transfer(rgb_to_lab(images), target))

    def save(self, folder: Path) -> None:
        """Write the statistics."""
        save_file(self._target._asdict(), folder / STATISTICS)

    def load(self, folder: Path) -> None:
        """Read the statistics; `StoreError` when they are not there."""
        self._target = Statistics(*read_measures(folder / STATISTICS, *Statistics._fields))


def _lms_to_lab() -> Tensor:
    """Reinhard et al. 2001, equation 6."""
    scale = torch.tensor([3.0, 6.0, 2.0]).rsqrt().diag()
    return scale @ torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, -2.0], [1.0, -1.0, 0.0]])


def _mixed(images: Tensor, matrix: Tensor) -> Tensor:
    return torch.einsum("ij,njhw->nihw", matrix.to(images), images)
