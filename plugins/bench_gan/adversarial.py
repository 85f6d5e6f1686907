"""Pieces of an adversarial training step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from bench_gan.losses import AdversarialLoss, discriminator_accuracy


class Judgement(NamedTuple):
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


def judge(discriminator: nn.Module, real: Tensor, fake: Tensor, loss: AdversarialLoss) -> Judgement:
    """Show real and generated images to a discriminator, in one pass.

    One pass equals two because nothing in it mixes the images of a batch; a network with batch norm would differ.

    Args:
        discriminator: From images in [-1, 1] to scores.
        real: Images of the domain, shape (N, 3, H, W).
        fake: Generated images, same shape; no gradient flows into them.
        loss: Which game is played.
    """
    scores = discriminator(torch.cat([real.to(fake.dtype), fake.detach()]))
    of_real, of_fake = scores.split([len(real), len(fake)])
    return Judgement(loss.discriminator(of_real, of_fake), discriminator_accuracy(of_real, of_fake, loss.boundary))
