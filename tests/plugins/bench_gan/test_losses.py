"""Losses against their formulas."""

import pytest
import torch

from bench_gan.losses import reconstruction_loss


def test_the_reconstruction_loss_is_the_mean_absolute_difference():
    first, second = torch.tensor([[0.5, 2.0], [1.0, -1.0]]), torch.tensor([[0.0, 1.0], [3.0, 0.5]])
    assert float(reconstruction_loss(first, second)) == pytest.approx((0.5 + 1 + 2 + 1.5) / 4)


def test_the_reconstruction_loss_of_bf16_images_is_taken_in_float32():
    images = torch.full((1, 3, 10, 10), 0.3).bfloat16()
    assert reconstruction_loss(images, images).dtype is torch.float32
