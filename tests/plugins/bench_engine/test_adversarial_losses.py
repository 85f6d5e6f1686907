"""Adversarial losses against their formulas."""

import pytest
import torch
import torch.nn.functional as F

from bench_engine.adversarial import adversarial_loss, discriminator_accuracy, least_squares

REAL = torch.tensor([[0.5, 2.0], [1.0, -1.0]])
FAKE = torch.tensor([[0.0, 1.0], [3.0, 0.5]])
LSGAN = least_squares()


def test_least_squares_of_the_generator_follow_the_formula():
    assert float(LSGAN.generator(FAKE)) == pytest.approx((1 + 0 + 4 + 0.25) / 4)


def test_least_squares_of_the_discriminator_follow_the_formula():
    assert float(LSGAN.discriminator(REAL, FAKE)) == pytest.approx((0.25 + 1 + 0 + 4) / 4 + (0 + 1 + 9 + 0.25) / 4)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_that_of_torch(smoothing):
    gan_loss = adversarial_loss("vanilla", smoothing)
    expected = F.binary_cross_entropy_with_logits(REAL, torch.full_like(REAL, 1 - smoothing))
    expected = expected + F.binary_cross_entropy_with_logits(FAKE, torch.zeros_like(FAKE))
    torch.testing.assert_close(gan_loss.discriminator(REAL, FAKE), expected)
    as_real = F.binary_cross_entropy_with_logits(FAKE, torch.ones_like(FAKE))
    torch.testing.assert_close(gan_loss.generator(FAKE), as_real)


def test_smoothing_lowers_the_aim_for_real_images_alone():
    smooth = adversarial_loss("lsgan", 0.1)
    assert float(smooth.discriminator(torch.full((4,), 0.9), torch.zeros(4))) == pytest.approx(0)
    assert float(smooth.generator(torch.ones(4))) == pytest.approx(0)
    assert smooth.boundary == pytest.approx(0.45)


@pytest.mark.parametrize("name", ["lsgan", "vanilla"])
@pytest.mark.parametrize("smoothing", [0.0, 0.4])
def test_at_the_boundary_real_and_generated_images_are_equally_likely(name, smoothing):
    gan_loss, scores = adversarial_loss(name, smoothing), torch.linspace(-2, 2, 4001)
    losses = torch.stack([gan_loss.discriminator(score, score) for score in scores])
    assert float(scores[losses.argmin()]) == pytest.approx(gan_loss.boundary, abs=2e-3)


def test_losses_of_bf16_scores_are_taken_in_float32():
    scores = torch.full((1, 1, 100, 100), 0.3).bfloat16()
    assert LSGAN.generator(scores).dtype is LSGAN.discriminator(scores, scores).dtype is torch.float32


def test_accuracy_counts_real_and_generated_scores_alike():
    real, fake = torch.tensor([0.9, 0.1, 0.8, 0.7]), torch.tensor([0.2, 0.6])
    assert float(discriminator_accuracy(real, fake, LSGAN.boundary)) == pytest.approx((0.75 + 0.5) / 2)
