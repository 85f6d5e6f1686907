"""Where latents come from: the step in training, the image afterwards."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import torch
from torch import Tensor

from bench_engine.data import step_generator
from bench_engine.images import checksums
from bench_gan.batches import UnpairedBatches


@dataclass(frozen=True)
class LatentBatches(UnpairedBatches):
    """Source and target images, and latents to translate the source images with.

    Attributes:
        latent_size: Numbers in a latent.
    """

    latent_size: int = 16

    def __call__(self, step: int) -> dict[str, Tensor]:
        """As `UnpairedBatches`, with `latent`: drawn from N(0, I), shape (batch_size, latent_size)."""
        draw = step_generator(self.context, step, "latent")
        return {**super().__call__(step), "latent": torch.randn(self.batch_size, self.latent_size, generator=draw)}


def latents_of(images: Tensor, variant: int, size: int) -> Tensor:
    """A latent for each image, drawn from N(0, I) with a seed made of its 8-bit pixels and the variant's number.

    So an image has the same latent in whatever batch or process it comes, and variants of one number have nothing in
    common across images.

    Args:
        images: RGB in [0, 1], shape (N, 3, H, W).
        variant: Which of the latents of each image.
        size: Numbers in a latent.

    Returns:
        float32, shape (N, size), on the device of the images.
    """
    seeds = [zlib.crc32(variant.to_bytes(4, "big"), checksum) for checksum in checksums(images)]
    drawn = [torch.randn(size, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    return torch.stack(drawn).to(images.device)
