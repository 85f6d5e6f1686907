"""Instance normalisation that keeps the channels_last layout and takes its statistics in float32."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class _Normalize(torch.autograd.Function):
    """Images, their inverse deviations and means, with the gradient in closed form: few passes over memory.

    All of them are outputs so that the gradient itself can be differentiated (gradient penalties).
    """

    @staticmethod
    def forward(ctx: Any, images: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
        exact = images.to(torch.promote_types(images.dtype, torch.float32), copy=True)
        mean = exact.mean((2, 3), keepdim=True)
        exact.sub_(mean)
        scale = (exact * exact).mean((2, 3), keepdim=True).add_(eps).rsqrt_()
        normalized = exact.mul_(scale).to(images.dtype)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(normalized, scale)
        return normalized, scale, mean

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor, None]:
        normalized, scale = ctx.saved_tensors
        on_images, on_scale, on_mean = gradients
        exact = normalized.to(scale.dtype)
        out = torch.zeros_like(exact) if on_images is None else on_images.to(scale.dtype, copy=True)
        out.sub_(out.mean((2, 3), keepdim=True))
        slope = (out * exact).mean((2, 3), keepdim=True)
        if on_scale is not None:
            slope = slope + on_scale * scale / exact[0, 0].numel()
        out = torch.addcmul(out, exact, slope, value=-1).mul_(scale)
        if on_mean is not None:
            out.add_(on_mean / exact[0, 0].numel())
        return out.to(normalized.dtype), None


def instance_norm(images: Tensor, eps: float = 1e-5) -> Tensor:
    """Each channel of each image with mean 0 and variance 1 over its pixels.

    Stands in for `torch.nn.functional.instance_norm`, which copies channels_last input to the contiguous layout and
    back at every call, and whose CPU gradient is wrong for a single image when the incoming gradient is
    channels_last (torch 2.11).

    Args:
        images: Features of any floating type, shape (N, C, H, W); statistics are taken in float32 or better.
        eps: Added to the variance. A constant channel becomes 0, and gradients to it grow by `eps ** -0.5`.

    Returns:
        The type, shape and layout of `images`.

    Source: Ulyanov et al. 2016, arXiv:1607.08022, equation 3.
    """
    return standardize(images, eps)[0]


def standardize(images: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor, Tensor]:
    """`instance_norm` with the statistics it took, for norms that are made of it.

    Returns:
        The normalised features in the type, shape and layout of `images`; the inverse deviations
        1 / sqrt(variance + eps) and the means, shape (N, C, 1, 1), in float32 or better. Gradients flow through all.
    """
    normalized, scale, mean = _Normalize.apply(images, eps)  # type: ignore[no-untyped-call]  # in torch
    return normalized, scale, mean


class InstanceNorm(nn.Module):
    """`instance_norm` as a layer, without parameters."""

    def __init__(self, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, images: Tensor) -> Tensor:
        """Features of shape (N, C, H, W) in, the same out."""
        return instance_norm(images, self.eps)
