"""Losses against their formulas."""

import pytest
import torch

from bench_gan.losses import (
    LSGAN,
    discriminator_accuracy,
    lsgan_discriminator,
    lsgan_generator,
    reconstruction_loss,
)

REAL = torch.tensor([[0.5, 2.0], [1.0, -1.0]])
FAKE = torch.tensor([[0.0, 1.0], [3.0, 0.5]])


def test_least_squares_of_the_generator_follow_the_formula():
    assert float(lsgan_generator(FAKE)) == pytest.approx((1 + 0 + 4 + 0.25) / 4)


def test_least_squares_of_the_discriminator_follow_the_formula():
    assert float(lsgan_discriminator(REAL, FAKE)) == pytest.approx((0.25 + 1 + 0 + 4) / 4 + (0 + 1 + 9 + 0.25) / 4)


def test_losses_of_bf16_scores_are_taken_in_float32():
    scores = torch.full((1, 1, 100, 100), 0.3).bfloat16()
    for loss in (lsgan_generator(scores), lsgan_discriminator(scores, scores), reconstruction_loss(scores, scores)):
        assert loss.dtype is torch.float32


def test_the_reconstruction_loss_is_the_mean_absolute_difference():
    assert float(reconstruction_loss(REAL, FAKE)) == pytest.approx((0.5 + 1 + 2 + 1.5) / 4)


def test_accuracy_counts_real_and_generated_scores_alike():
    real, fake = torch.tensor([0.9, 0.1, 0.8, 0.7]), torch.tensor([0.2, 0.6])
    assert float(discriminator_accuracy(real, fake, LSGAN.boundary)) == pytest.approx((0.75 + 0.5) / 2)
