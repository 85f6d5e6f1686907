"""What adversarial translators minimise, as pure functions of scores and images."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class AdversarialLoss:
    """The generator's and the discriminator's side of a GAN objective.

    Attributes:
        generator: From scores of generated images to what the generator minimises.
        discriminator: From scores of real and of generated images to what the discriminator minimises.
        boundary: The score of an image of which the discriminator cannot say whether it is real.
    """

    generator: Callable[[Tensor], Tensor]
    discriminator: Callable[[Tensor, Tensor], Tensor]
    boundary: float


def least_squares(real: float = 1.0) -> AdversarialLoss:
    """Squared distance of scores to 0 for generated images and to `real` for real ones, means in float32.

    Source: Mao et al. 2017, arXiv:1611.04076, equation 9 with a = 0, b = c = 1, without its factor 1/2, as in
    Zhu et al. 2017, arXiv:1703.10593, section 4. The generator aims at 1 even where the discriminator's aim is lower.
    """
    return AdversarialLoss(
        generator=lambda fake: (fake.float() - 1).square().mean(),
        discriminator=lambda of_real, fake: (of_real.float() - real).square().mean() + fake.float().square().mean(),
        boundary=real / 2,
    )


def cross_entropy(real: float = 1.0) -> AdversarialLoss:
    """Cross-entropy of scores, taken as logits, with 0 for generated images and with `real` for real ones, in float32.

    The generator maximises the logarithm of the probability to be taken for real, instead of minimising that of the
    opposite, which saturates.

    Source: Goodfellow et al. 2014, arXiv:1406.2661, equation 1 and section 3.
    """

    def discriminator(of_real: Tensor, fake: Tensor) -> Tensor:
        of_real = of_real.float()
        return (F.softplus(of_real) - real * of_real).mean() + F.softplus(fake.float()).mean()

    # where both are equally likely, the best score is the logit of real / 2
    return AdversarialLoss(lambda fake: F.softplus(-fake.float()).mean(), discriminator, math.log(real / (2 - real)))


def adversarial_loss(name: str, smoothing: float = 0.0) -> AdversarialLoss:
    """The GAN objective called "lsgan" or "vanilla", real images to be given 1 - `smoothing`.

    Source of one-sided smoothing: Salimans et al. 2016, arXiv:1606.03498, section 3.4.
    """
    return {"lsgan": least_squares, "vanilla": cross_entropy}[name](1 - smoothing)


LSGAN = least_squares()


def reconstruction_loss(images: Tensor, reconstruction: Tensor) -> Tensor:
    """Mean absolute difference in float32: the norm of cycle and identity loss.

    Source: Zhu et al. 2017, arXiv:1703.10593, equation 2 and section 5.2.
    """
    return F.l1_loss(reconstruction.float(), images.float())


def discriminator_accuracy(real: Tensor, fake: Tensor, boundary: float) -> Tensor:
    """Share of scores on the right side of the boundary, real and generated images weighing the same.

    Returns:
        A scalar in [0, 1] without gradient; 0.5 for one that guesses; a score at the boundary is on neither side.
    """
    with torch.no_grad():
        return ((real > boundary).float().mean() + (fake < boundary).float().mean()) / 2
