"""Convolutions that cannot stretch their input by more than a factor of one, for discriminators."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SpectralConv(nn.Conv2d):
    """A convolution whose weights are divided by their largest singular value, on an image mirrored by one pixel.

    The singular value is followed by one step of power iteration at each pass of a training, in float32 whatever
    autocast says. Unlike torch's own parametrization, `weight` stays the parameter itself, which can be drawn anew
    from a generator, and nothing is drawn from the global one.

    Attributes:
        direction: Estimate of the first left singular vector, shape (outputs,). It starts at equal parts of all
            outputs, which the drawn weights make as good a start as any.

    Source: Miyato et al. 2018, arXiv:1802.05957, section 2.1 and algorithm 1.
    """

    direction: Tensor

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, bias: bool = True) -> None:
        super().__init__(inputs, outputs, kernel, stride, bias=bias)
        self.register_buffer("direction", torch.full((outputs,), outputs**-0.5))

    def forward(self, features: Tensor) -> Tensor:
        """Features of shape (N, inputs, H, W) in, (N, outputs, H', W') out; H and W must be 2 or more."""
        with torch.autocast(features.device.type, enabled=False):
            padded = F.pad(features, (1, 1, 1, 1), mode="reflect")
            weight = self.weight / self.largest_singular_value()
        return F.conv2d(padded, weight, self.bias, self.stride)

    def largest_singular_value(self) -> Tensor:
        """Estimate for the weights as a matrix with a row for each output; it improves `direction` in training."""
        matrix = self.weight.flatten(1)
        with torch.no_grad():
            right = F.normalize(matrix.T @ self.direction, dim=0)
            left = F.normalize(matrix @ right, dim=0)
            if self.training:
                self.direction.copy_(left)
        return left @ matrix @ right
