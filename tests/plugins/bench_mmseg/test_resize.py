"""Resizing gives torch's values and gradients, channels last."""

import pytest
import torch
import torch.nn.functional as F

from bench_mmseg.resize import bilinear


@pytest.mark.parametrize("size", [(8, 12), (13, 31), (1, 1), (4, 5)])
def test_it_agrees_with_torch_in_value_and_gradient(size):
    features = torch.randn(2, 3, 4, 5, requires_grad=True)
    slope = torch.randn(2, 3, *size)
    expected = F.interpolate(features, size=size, mode="bilinear", align_corners=False)
    result = bilinear(features, size)
    torch.testing.assert_close(result, expected)
    torch.testing.assert_close(
        torch.autograd.grad(result, features, slope), torch.autograd.grad(expected, features, slope)
    )


def test_value_and_gradient_are_channels_last():
    seen = []
    features = torch.rand(2, 8, 4, 4, requires_grad=True)
    inner = features * 1
    inner.register_hook(seen.append)
    result = bilinear(inner, (8, 8))
    result.contiguous().softmax(1).pow(2).sum().backward()
    assert result.is_contiguous(memory_format=torch.channels_last)
    assert seen[0].is_contiguous(memory_format=torch.channels_last)
