"""Pieces of an adversarial training step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from bench_gan.losses import AdversarialLoss, discriminator_accuracy


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
        discriminator: As in `bench_gan.adversarial.discriminator_scores`; all its scores are added.
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
