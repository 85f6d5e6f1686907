"""Adversarial losses, and pieces of an adversarial training step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel


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
    """The game called "lsgan" or "vanilla", real images to be given 1 - `smoothing`.

    Source of one-sided smoothing: Salimans et al. 2016, arXiv:1606.03498, section 3.4.
    """
    return {"lsgan": least_squares, "vanilla": cross_entropy}[name](1 - smoothing)


def discriminator_accuracy(real: Tensor, fake: Tensor, boundary: float) -> Tensor:
    """Share of scores on the right side of the boundary, real and generated images weighing the same.

    Returns:
        A scalar in [0, 1] without gradient; 0.5 for one that guesses; a score at the boundary is on neither side.
    """
    with torch.no_grad():
        return ((real > boundary).float().mean() + (fake < boundary).float().mean()) / 2


class DiscriminatorLoss(NamedTuple):
    """What a discriminator's step is made of.

    Attributes:
        loss: Scalar, with gradient to the discriminator.
        accuracy: Scalar in [0, 1]: how often it is right.
    """

    loss: Tensor
    accuracy: Tensor


@contextmanager
def frozen(*networks: nn.Module) -> Iterator[None]:
    """Let gradients pass through networks, but compute none for their parameters."""
    parameters = [p for network in networks for p in network.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


def discriminator_scores(discriminator: nn.Module, images: Tensor) -> tuple[Tensor, ...]:
    """All scores that a discriminator gives, of which most give one.

    Args:
        discriminator: Returns a tensor, or a tuple of them, each of any shape (N, ...).
        images: Shape (N, C, H, W).
    """
    scores = discriminator(images)
    return scores if isinstance(scores, tuple) else (scores,)


def discriminator_loss(
    discriminator: nn.Module, real: Tensor, fake: Tensor, loss: AdversarialLoss
) -> DiscriminatorLoss:
    """Show real and generated images to a discriminator, in one pass.

    One pass equals two because nothing in it mixes the images of a batch; a network with batch norm would differ.
    Where a discriminator gives several scores, their losses are added and their accuracies averaged.

    Args:
        discriminator: From images in [-1, 1] to scores.
        real: Images of the domain, shape (N, 3, H, W).
        fake: Generated images, same shape; no gradient flows into them.
        loss: GAN objective.
    """
    count = len(real)
    scores = discriminator_scores(discriminator, torch.cat([real.detach().to(fake.dtype), fake.detach()]))
    losses = [loss.discriminator(score[:count], score[count:]) for score in scores]
    accuracies = [discriminator_accuracy(score[:count], score[count:], loss.boundary) for score in scores]
    return DiscriminatorLoss(torch.stack(losses).sum(), torch.stack(accuracies).mean())


def gradient_penalty(discriminator: nn.Module, real: Tensor) -> Tensor:
    """Squared norm of a discriminator's gradient at real images, a mean over them.

    Args:
        discriminator: As in `discriminator_scores`; all its scores are added.
        real: Images, shape (N, C, H, W).

    Returns:
        A scalar in float32, with gradient to the discriminator.

    Source: Mescheder et al. 2018, arXiv:1801.04406, equation 9 (R1); the weight there is gamma / 2.
    """
    real = real.detach().requires_grad_(True)
    with sdpa_kernel(SDPBackend.MATH):  # the gradient of a fused attention has no gradient itself
        scores = discriminator_scores(discriminator, real)
    total = torch.stack([score.float().flatten(1).mean(1).sum() for score in scores]).sum()
    (slope,) = torch.autograd.grad(total, real, create_graph=True)
    return slope.float().square().flatten(1).sum(1).mean()
