"""Augmentations of a batch of images and labels, each image on its own, drawn from a given generator."""

from __future__ import annotations

import math
from typing import Literal, overload

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

ScaleLaw = Literal["log-uniform", "uniform"]

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in brightness (ITU-R BT.601)."""


@overload
def flip(images: Tensor, labels: Tensor, generator: Generator) -> tuple[Tensor, Tensor]: ...
@overload
def flip(images: Tensor, labels: None, generator: Generator) -> tuple[Tensor, None]: ...
def flip(images: Tensor, labels: Tensor | None, generator: Generator) -> tuple[Tensor, Tensor | None]:
    """Mirror each image, with its labels, left to right with probability 1/2.

    Args:
        images: Shape (N, C, H, W).
        labels: Shape (N, H, W), or None.
        generator: Where randomness comes from.
    """
    mirrored = torch.rand(len(images), generator=generator) < 0.5
    images = torch.where(mirrored.view(-1, 1, 1, 1), images.flip(-1), images)
    if labels is not None:
        labels = torch.where(mirrored.view(-1, 1, 1), labels.flip(-1), labels)
    return images, labels


@overload
def crop(images: Tensor, labels: Tensor, size: tuple[int, int], generator: Generator) -> tuple[Tensor, Tensor]: ...
@overload
def crop(images: Tensor, labels: None, size: tuple[int, int], generator: Generator) -> tuple[Tensor, None]: ...
def crop(
    images: Tensor, labels: Tensor | None, size: tuple[int, int], generator: Generator
) -> tuple[Tensor, Tensor | None]:
    """Cut one window of a size, at most that of the images, out of each image at a random place.

    Args:
        images: Shape (N, C, H, W).
        labels: Shape (N, H, W), or None.
        size: Height and width of the window.
        generator: Where randomness comes from.
    """
    height, width = min(size[0], images.shape[2]), min(size[1], images.shape[3])
    tops = torch.randint(images.shape[2] - height + 1, (len(images),), generator=generator).tolist()
    lefts = torch.randint(images.shape[3] - width + 1, (len(images),), generator=generator).tolist()
    windows = [
        (..., slice(top, top + height), slice(left, left + width)) for top, left in zip(tops, lefts, strict=True)
    ]
    cut = torch.stack([image[window] for image, window in zip(images, windows, strict=True)])
    if labels is None:
        return cut, None
    return cut, torch.stack([label[window] for label, window in zip(labels, windows, strict=True)])


def enlarged(images: Tensor, labels: Tensor | None, factor: float) -> tuple[Tensor, Tensor | None]:
    """All images of a batch larger by one factor, bicubic as in PIL; labels by nearest neighbour.

    Args:
        images: Float in [0, 1], shape (N, C, H, W).
        labels: uint8, shape (N, H, W), or None.
        factor: At least 1; height and width are rounded to whole pixels.
    """
    size = round(images.shape[2] * factor), round(images.shape[3] * factor)
    # With antialias torch has PIL's kernel (a = -0.5), without it another one; it smooths nothing when enlarging.
    images = F.interpolate(images, size, mode="bicubic", align_corners=False, antialias=True).clamp(0, 1)
    if labels is None:
        return images, None
    return images, F.interpolate(labels.unsqueeze(1), size, mode="nearest-exact").squeeze(1)


def scale_factors(count: int, scale: tuple[float, float], law: ScaleLaw, generator: Generator) -> Tensor:
    """Factors of random resizing, shape (count,).

    Args:
        count: How many.
        scale: Least and largest factor.
        law: "log-uniform": halving is as likely as doubling; "uniform": as in mmsegmentation's `RandomResize`, of whose
            factors in 0.5 to 2 two thirds enlarge.
        generator: Where randomness comes from.
    """
    if law == "uniform":
        return torch.empty(count).uniform_(*scale, generator=generator)
    low, high = math.log(scale[0]), math.log(scale[1])
    return torch.empty(count).uniform_(low, high, generator=generator).exp()


def scaled_crop(
    images: Tensor,
    labels: Tensor,
    size: tuple[int, int],
    scale: tuple[float, float],
    generator: Generator,
    law: ScaleLaw = "log-uniform",
) -> tuple[Tensor, Tensor]:
    """Resize each image by its own random factor, then cut out a window at a random place.

    Where a shrunk image is smaller than the window, the rest is black and its labels are 255.

    Args:
        images: Float, shape (N, C, H, W); sampled bilinearly.
        labels: uint8, shape (N, H, W); nearest neighbour.
        size: Height and width of the window.
        scale: Least and largest factor.
        generator: Where randomness comes from.
        law: How factors are distributed; see `scale_factors`.
    """
    count = len(images)
    factors = scale_factors(count, scale, law, generator)
    offsets = torch.empty(count, 2).uniform_(-1, 1, generator=generator)
    # The window covers the share `extent` of the image in each direction; its centre may move as far as it stays
    # inside, or, if it is the larger one, as far as the image stays inside the window.
    extent = torch.tensor([size[1] / images.shape[3], size[0] / images.shape[2]]) / factors.view(-1, 1)
    theta = torch.cat([torch.diag_embed(extent), (offsets * (1 - extent).abs()).unsqueeze(-1)], dim=-1)
    grid = F.affine_grid(theta, [count, 1, *size], align_corners=False).to(images.device)
    sampled = F.grid_sample(images, grid, mode="bilinear", align_corners=False)
    # uint8 wraps around: 255 + 1 = 0 is what lies outside.
    shifted = (labels + 1).float().unsqueeze(1)
    return sampled, F.grid_sample(shifted, grid, mode="nearest", align_corners=False).squeeze(1).to(torch.uint8) - 1


def blur(images: Tensor, largest: float, generator: Generator) -> Tensor:
    """Blur each image with a Gaussian whose width is drawn from [0, `largest`] pixels.

    Args:
        images: Float, shape (N, C, H, W).
        largest: Largest standard deviation, in pixels.
        generator: Where randomness comes from.
    """
    count, channels, height, width = images.shape
    radius = min(math.ceil(3 * largest), height - 1, width - 1)
    sigmas = torch.empty(count, 1).uniform_(0, largest, generator=generator).clamp_min(1e-3)
    taps = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigmas) ** 2)
    kernels = (taps / taps.sum(1, keepdim=True)).repeat_interleave(channels, 0).to(images)
    planes = F.pad(images.reshape(1, count * channels, height, width), [radius] * 4, mode="reflect")
    planes = F.conv2d(planes, kernels.view(-1, 1, 1, 2 * radius + 1), groups=count * channels)
    planes = F.conv2d(planes, kernels.view(-1, 1, 2 * radius + 1, 1), groups=count * channels)
    return planes.view(count, channels, height, width)


def jitter(images: Tensor, strength: float, generator: Generator) -> Tensor:
    """Change brightness, contrast and saturation of each image by factors from [1 - strength, 1 + strength].

    Args:
        images: Float RGB in [0, 1], shape (N, 3, H, W).
        strength: How far a factor may be from 1.
        generator: Where randomness comes from.
    """
    factors = torch.empty(3, len(images), 1, 1, 1).uniform_(1 - strength, 1 + strength, generator=generator)
    brightness, contrast, saturation = factors.to(images.device)
    images = images * brightness
    means = images.mean((1, 2, 3), keepdim=True)
    images = means + (images - means) * contrast
    grey = (images * torch.tensor(LUMA, device=images.device).view(1, 3, 1, 1)).sum(1, keepdim=True)
    saturated: Tensor = grey + (images - grey) * saturation
    return saturated.clamp(0, 1)


def noise(images: Tensor, largest: float, generator: Generator) -> Tensor:
    """Add Gaussian noise to each image, of a standard deviation that is drawn from [0, `largest`].

    Args:
        images: Float in [0, 1], shape (N, C, H, W).
        largest: Largest standard deviation, where images are in [0, 1].
        generator: Where randomness comes from.
    """
    deviations = torch.empty(len(images), 1, 1, 1).uniform_(0, largest, generator=generator)
    added = deviations * torch.randn(images.shape, generator=generator)
    return (images + added.to(images)).clamp(0, 1)


def random_amplitudes(images: Tensor, strength: float, generator: Generator) -> Tensor:
    """Multiply each amplitude of each image's spectrum by a factor of its own, drawn from N(1, deviation).

    The deviation rises with the frequency, of which synthetic images have too little variety; phases, which hold what
    stands where, stay. A frequency and its conjugate share one factor.

    Args:
        images: Float in [0, 1], shape (N, C, H, W).
        strength: What `amplitude_deviations` are multiplied by; 1 is the paper's for semantic segmentation.
        generator: Where randomness comes from.

    Source: Chattopadhyay et al. 2023, PASTA, arXiv:2212.00979, section 3.
    """
    height, width = images.shape[2:]
    spectra = torch.fft.rfft2(images)
    deviations = strength * amplitude_deviations(height, width)
    factors = 1 + deviations * torch.randn(spectra.shape, generator=generator)
    varied: Tensor = torch.fft.irfft2(spectra * factors.to(images), s=(height, width))
    return varied.clamp(0, 1)


def amplitude_deviations(height: int, width: int) -> Tensor:
    """(3 f)^2 + 0.25 for each frequency of an image, where f is its share of the highest one.

    Returns:
        Shape (H, W // 2 + 1), in the order of `torch.fft.rfft2`.

    Source: as `random_amplitudes`, with alpha = 3, k = 2 and beta = 0.25.
    """
    rows = torch.fft.fftfreq(height, 1 / height).unsqueeze(1)
    columns = torch.fft.rfftfreq(width, 1 / width)
    frequencies = torch.hypot(rows, columns)
    shares = frequencies / frequencies.max().clamp_min(1)  # a single pixel has no frequency but 0
    return (3 * shares).square() + 0.25
