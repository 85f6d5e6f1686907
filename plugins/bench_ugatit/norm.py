"""Norms that mix the statistics of each channel with those of the whole image, and learn by how much."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench_gan.norm import standardize


def layer_instance_norm(features: Tensor, rho: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    """gamma * (rho * IN(features) + (1 - rho) * LN(features)) + beta.

    IN is instance norm, over H and W; LN is layer norm, over C, H and W. Both are affine functions of the features
    in each channel, so that their mixture is one multiplication and one addition on top of IN.

    Args:
        features: Any floating type, shape (N, C, H, W); statistics are taken in float32 or better.
        rho: Share of instance norm in [0, 1], shape (C,).
        gamma, beta: Gain and shift, shape (C,) or (N, C).
        eps: Added to the variances.

    Returns:
        The type, shape and layout of `features`.

    Source: Kim et al. 2020, arXiv:1907.10830, the definition of AdaLIN. Variances are those of the features
    themselves, without Bessel's correction, as in the authors' TensorFlow code (`tf.nn.moments`); their PyTorch code
    corrects.
    """
    with torch.autocast(features.device.type, enabled=False):
        normalized, scale, mean = standardize(features, eps)
        rho, gamma, beta = (part.to(scale.dtype)[..., None, None] for part in (rho, gamma, beta))
        offset = mean - mean.mean(1, keepdim=True)
        # The variance over all channels is the mean of their variances and the variance of their means.
        variance = (scale**-2 - eps + offset.square()).mean(1, keepdim=True)
        layer = (1 - rho) * (variance + eps).rsqrt()
        gain = gamma * (rho + layer / scale)
        shift = gamma * layer * offset + beta
        return (normalized * gain + shift).to(features.dtype)


class LayerInstanceNorm(nn.Module):
    """`layer_instance_norm` with a gain and shift of its own: the norm after upsampling, mostly layer norm at first.

    Attributes:
        rho: Share of instance norm, shape (channels,); `clip` after each update keeps it in [0, 1].

    Source: Kim et al. 2020, arXiv:1907.10830; the start of rho from the authors' code.
    """

    START = 0.0

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.rho = nn.Parameter(torch.full((channels,), self.START))
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Features of shape (N, channels, H, W) in, the same out."""
        return layer_instance_norm(features, self.rho, self.gamma, self.beta, self.eps)

    @torch.no_grad()
    def clip(self) -> None:
        """Bring rho back into [0, 1]."""
        self.rho.clamp_(0, 1)


class AdaptiveLayerInstanceNorm(nn.Module):
    """AdaLIN: `layer_instance_norm` with a gain and shift that are computed from the image.

    Attributes:
        rho: As of `LayerInstanceNorm`, mostly instance norm at first.

    Source: Kim et al. 2020, arXiv:1907.10830; the start of rho from the authors' code.
    """

    START = 0.9

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.rho = nn.Parameter(torch.full((channels,), self.START))

    def forward(self, features: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """Features of shape (N, channels, H, W), with gain and shift of shape (N, channels) each; same shape out."""
        return layer_instance_norm(features, self.rho, gamma, beta, self.eps)

    @torch.no_grad()
    def clip(self) -> None:
        """Bring rho back into [0, 1]."""
        self.rho.clamp_(0, 1)
