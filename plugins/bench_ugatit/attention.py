"""Attention by class activation: a classifier tells what matters, and features are weighed by its weights."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ClassAttention(nn.Module):
    """Features weighed by how much they tell a linear classifier about the class of the image.

    The classifier sees each channel's mean through one weight per channel, and its maximum through another. Two
    copies of the features, each times one set of these weights, are merged by a 1x1 convolution.

    Args:
        channels: Of the features, in and out.
        activation: After the merging.
        spectral: Divide the weights by their norm where the classifier uses them (not where features are weighed by
            them; so does the authors' code).

    Source: Kim et al. 2020, arXiv:1907.10830, the auxiliary classifiers, after Zhou et al. 2016,
    arXiv:1512.04150.
    """

    def __init__(self, channels: int, activation: nn.Module, spectral: bool = False) -> None:
        super().__init__()
        self.spectral = spectral
        self.of_mean = nn.Linear(channels, 1, bias=False)
        self.of_maximum = nn.Linear(channels, 1, bias=False)
        self.merge = nn.Conv2d(2 * channels, channels, 1)
        self.activation = activation

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Weighed features, and what the classifier says.

        Args:
            features: Shape (N, channels, H, W).

        Returns:
            Attended features of the same shape, and the two logits of each image, from means and from maxima, in
            float32, shape (N, 2).
        """
        with torch.autocast(features.device.type, enabled=False):
            logits = self._classify(features)
            # Merging two weighed copies is one convolution of the features themselves, by weights weighed instead.
            importance = torch.cat([self.of_mean.weight, self.of_maximum.weight], dim=1)[..., None, None]
            by_mean, by_maximum = (self.merge.weight * importance).chunk(2, dim=1)
            weight = by_mean + by_maximum
        return self.activation(F.conv2d(features, weight, self.merge.bias)), logits

    def _classify(self, features: Tensor) -> Tensor:
        pooled = features.mean((2, 3), dtype=torch.float32), features.amax((2, 3)).float()
        weights: list[Tensor] = [self.of_mean.weight, self.of_maximum.weight]
        if self.spectral:
            weights = [F.normalize(weight) for weight in weights]
        logits = [F.linear(values, weight) for values, weight in zip(pooled, weights, strict=True)]
        return torch.cat(logits, dim=1)


def feature_heatmap(attended: Tensor, stride: int, height: int, width: int) -> Tensor:
    """Where in an image the attended features are large.

    Args:
        attended: Features that are nowhere negative, shape (N, C, h, w).
        stride: Pixels of the image per feature.
        height, width: Of the image, in whose upper left corner the features begin.

    Returns:
        The sum over channels, enlarged, from 0 where it is least to 1 where it is largest in the image; shape
        (N, 1, height, width) in float32. All 0 where the sum is the same everywhere, but for rounding.

    Source: Kim et al. 2020, arXiv:1907.10830; sum and range as in the authors' code.
    """
    heat = attended.float().sum(1, keepdim=True)
    heat = F.interpolate(heat, scale_factor=stride, mode="bilinear")[..., :height, :width]
    low, high = heat.amin((2, 3), keepdim=True), heat.amax((2, 3), keepdim=True)
    spread = high - low
    flat = spread <= 1e-5 * high
    return torch.where(flat, 0.0, (heat - low) / spread.masked_fill(flat, 1.0))
