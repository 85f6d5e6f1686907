"""Instance norm against its definition, in value, gradient, second gradient, type and memory layout."""

import pytest
import torch

from bench_gan.norm import InstanceNorm, instance_norm, standardize

LAYOUTS = [torch.contiguous_format, torch.channels_last]


def definition(images, eps=1e-5):
    centred = images - images.mean((2, 3), keepdim=True)
    return centred / (centred.square().mean((2, 3), keepdim=True) + eps).sqrt()


def features(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype) * 2 + 3


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("gradient_layout", LAYOUTS)
def test_values_and_gradients_are_those_of_the_definition_in_any_layout(count, layout, gradient_layout):
    images = features(count, 4, 6, 5).contiguous(memory_format=layout).requires_grad_()
    gradient = features(count, 4, 6, 5, seed=1).contiguous(memory_format=gradient_layout)
    torch.testing.assert_close(instance_norm(images), definition(images))
    (ours,) = torch.autograd.grad(instance_norm(images), images, gradient)
    (expected,) = torch.autograd.grad(definition(images), images, gradient)
    torch.testing.assert_close(ours, expected)


def test_gradients_can_be_differentiated_again():
    images = features(2, 2, 3, 4).requires_grad_()
    assert torch.autograd.gradcheck(instance_norm, (images,))
    assert torch.autograd.gradgradcheck(instance_norm, (images,))


def test_gradients_flow_through_statistics_too():
    images = features(2, 3, 4, 5).requires_grad_()
    normalized, scale, mean = standardize(images)
    torch.testing.assert_close(scale, (images.var((2, 3), unbiased=False, keepdim=True) + 1e-5).rsqrt())
    torch.testing.assert_close(mean, images.mean((2, 3), keepdim=True))
    assert torch.equal(normalized, instance_norm(images))
    assert torch.autograd.gradcheck(standardize, (images,))
    assert torch.autograd.gradgradcheck(standardize, (images,))


def test_the_layout_stays_channels_last():
    images = features(2, 8, 6, 6, dtype=torch.float32).contiguous(memory_format=torch.channels_last)
    assert instance_norm(images).is_contiguous(memory_format=torch.channels_last)
    assert not torch.nn.functional.instance_norm(images).is_contiguous(memory_format=torch.channels_last)


def test_statistics_of_bf16_features_are_taken_in_float32():
    images = features(1, 2, 64, 64, dtype=torch.float32)
    images[:, 0] += 40
    low = images.bfloat16()
    result = instance_norm(low)
    assert result.dtype is torch.bfloat16
    torch.testing.assert_close(result.float(), definition(low.float()), atol=0.02, rtol=0.02)


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_a_constant_channel_becomes_zero_with_finite_gradient(value):
    images = torch.full((1, 3, 4, 4), value, requires_grad=True)
    result = InstanceNorm()(images)
    result.square().sum().backward()
    assert torch.equal(result, torch.zeros_like(result))
    assert torch.isfinite(images.grad).all()


def test_eps_is_added_to_the_variance():
    images = features(1, 2, 5, 5)
    torch.testing.assert_close(InstanceNorm(eps=0.5)(images), definition(images, eps=0.5))
