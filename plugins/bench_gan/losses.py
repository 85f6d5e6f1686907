"""What adversarial translators minimise, as pure functions of scores and images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class AdversarialLoss:
    """The two sides of an adversarial game.

    Attributes:
        generator: From scores of generated images to what the generator minimises.
        discriminator: From scores of real and of generated images to what the discriminator minimises.
        boundary: The score of an image of which the discriminator cannot say whether it is real.
    """

    generator: Callable[[Tensor], Tensor]
    discriminator: Callable[[Tensor, Tensor], Tensor]
    boundary: float


def lsgan_generator(fake: Tensor) -> Tensor:
    """Mean of (score - 1)^2 over generated images, in float32; scores of any shape."""
    return (fake.float() - 1).square().mean()


def lsgan_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Mean of (score - 1)^2 over real images plus mean of score^2 over generated ones, in float32."""
    return (real.float() - 1).square().mean() + fake.float().square().mean()


LSGAN = AdversarialLoss(lsgan_generator, lsgan_discriminator, boundary=0.5)
"""Least squares with a = 0 for generated, b = c = 1 for real (Mao et al. 2017, arXiv:1611.04076, equation 9),
without their factor 1/2, as in Zhu et al. 2017, arXiv:1703.10593, section 4."""


def reconstruction_loss(images: Tensor, reconstruction: Tensor) -> Tensor:
    """Mean absolute difference in float32: the norm of cycle and identity loss.

    Source: Zhu et al. 2017, arXiv:1703.10593, equation 2 and section 5.2.
    """
    return F.l1_loss(reconstruction.float(), images.float())


def discriminator_accuracy(real: Tensor, fake: Tensor, boundary: float) -> Tensor:
    """Share of scores on the right side of the boundary, real and generated images weighing the same.

    Returns:
        A scalar in [0, 1] without gradient; 0.5 for a discriminator that tells nothing.
    """
    with torch.no_grad():
        return ((real > boundary).float().mean() + (fake < boundary).float().mean()) / 2
