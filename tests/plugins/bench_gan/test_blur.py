"""Halving by smoothing equals the convolution that defines it and lets no stripes through."""

import pytest
import torch
import torch.nn.functional as F

from bench_gan.blur import BlurHalve


@pytest.mark.parametrize("size", [(8, 6), (7, 9), (2, 2), (3, 16)])
def test_it_is_the_convolution_with_the_weights_1_2_1(size):
    features = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    weights = torch.tensor([1.0, 2.0, 1.0]).outer(torch.tensor([1.0, 2.0, 1.0])) / 16
    padded = F.pad(features, (1, 1, 1, 1), mode="reflect")
    expected = F.conv2d(padded, weights.expand(3, 1, 3, 3), stride=2, groups=3)
    torch.testing.assert_close(BlurHalve()(features), expected)


def test_stripes_of_one_pixel_become_grey_where_a_stride_would_keep_one_colour():
    stripes = torch.tensor([0.0, 1.0]).repeat(8).expand(1, 1, 16, 16)
    torch.testing.assert_close(BlurHalve()(stripes), torch.full((1, 1, 8, 8), 0.5))


def test_it_stays_in_bf16_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        assert BlurHalve()(torch.rand(1, 2, 8, 8).bfloat16()).dtype is torch.bfloat16
