"""Layer-instance norms against torch's instance and layer norm, in value, gradient, type and memory layout."""

import pytest
import torch
import torch.nn.functional as F

from bench_ugatit.norm import AdaptiveLayerInstanceNorm, LayerInstanceNorm, layer_instance_norm

LAYOUTS = [torch.contiguous_format, torch.channels_last]


def drawn(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def features(*shape, dtype=torch.float64):
    """Channels of different means and deviations, so that instance and layer norm differ."""
    spread = torch.arange(1, shape[1] + 1, dtype=dtype)[:, None, None]
    return drawn(*shape, dtype=dtype) * spread + 3 * spread


def mixture(features, rho, gamma, beta):
    """The definition of AdaLIN, by torch's own norms."""
    by_channel = F.instance_norm(features)
    over_channels = F.layer_norm(features, features.shape[1:])
    rho, gamma, beta = (part[..., None, None] for part in (rho, gamma, beta))
    return gamma * (rho * by_channel + (1 - rho) * over_channels) + beta


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("adaptive", [False, True])
def test_values_and_gradients_are_those_of_the_mixture_of_torchs_norms(count, layout, adaptive):
    channels, style = 4, (count, 4) if adaptive else (4,)
    images = features(count, channels, 6, 5).contiguous(memory_format=layout)
    rho = torch.rand(channels, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    inputs = [images, rho, drawn(*style, seed=2), drawn(*style, seed=3)]
    for one in inputs:
        one.requires_grad_()
    expected, ours = mixture(*inputs), layer_instance_norm(*inputs)
    torch.testing.assert_close(ours, expected)
    weight = drawn(*images.shape, seed=4)
    for ours_in, theirs in zip(
        torch.autograd.grad((ours * weight).sum(), inputs),
        torch.autograd.grad((expected * weight).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(ours_in, theirs)


def test_at_one_rho_is_instance_norm_and_at_zero_layer_norm():
    images, ones, zeros = features(2, 3, 4, 5), torch.ones(3).double(), torch.zeros(3).double()
    torch.testing.assert_close(layer_instance_norm(images, ones, ones, zeros), F.instance_norm(images))
    torch.testing.assert_close(layer_instance_norm(images, zeros, ones, zeros), F.layer_norm(images, (3, 4, 5)))


def test_the_adaptive_norm_starts_at_nine_tenths_of_instance_norm_and_the_other_at_none():
    assert AdaptiveLayerInstanceNorm(5).rho.tolist() == pytest.approx([0.9] * 5)
    assert LayerInstanceNorm(5).rho.tolist() == [0] * 5


def test_the_norm_of_upsampling_starts_as_layer_norm():
    images = features(2, 3, 4, 5, dtype=torch.float32)
    torch.testing.assert_close(LayerInstanceNorm(3)(images), F.layer_norm(images, (3, 4, 5)))


def test_images_of_a_batch_do_not_mix():
    images, norm = features(2, 3, 4, 5, dtype=torch.float32), AdaptiveLayerInstanceNorm(3)
    style = drawn(2, 2, 3, dtype=torch.float32)
    for one in (0, 1):
        alone = norm(images[one : one + 1], style[0, one : one + 1], style[1, one : one + 1])
        torch.testing.assert_close(norm(images, *style)[one : one + 1], alone)


def test_the_layout_stays_channels_last():
    images = features(2, 8, 6, 6, dtype=torch.float32).contiguous(memory_format=torch.channels_last)
    assert LayerInstanceNorm(8)(images).is_contiguous(memory_format=torch.channels_last)


def test_statistics_of_bf16_features_are_taken_in_float32():
    images = features(1, 4, 64, 64, dtype=torch.float32).bfloat16()
    norm = AdaptiveLayerInstanceNorm(4)
    style = drawn(2, 1, 4, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        result = norm(images, *style.bfloat16())
    assert result.dtype is torch.bfloat16
    expected = mixture(images.float(), norm.rho, *style.bfloat16().float())
    torch.testing.assert_close(result.float(), expected, atol=0.03, rtol=0.02)


@pytest.mark.parametrize("value", [0.0, 7.0])
@pytest.mark.parametrize("size", [(1, 1), (4, 4)])
def test_constant_features_become_the_shift_with_finite_gradients(value, size):
    images = torch.full((1, 3, *size), value, requires_grad=True)
    norm = LayerInstanceNorm(3)
    result = norm(images)
    result.square().sum().backward()
    torch.testing.assert_close(result, torch.zeros_like(result), atol=1e-3, rtol=0)
    assert torch.isfinite(images.grad).all()
    assert all(torch.isfinite(parameter.grad).all() for parameter in norm.parameters())


@pytest.mark.parametrize("kind", [LayerInstanceNorm, AdaptiveLayerInstanceNorm])
def test_clipping_brings_rho_back_between_zero_and_one(kind):
    norm = kind(3)
    with torch.no_grad():
        norm.rho.copy_(torch.tensor([-0.5, 0.25, 1.5]))
    norm.clip()
    assert norm.rho.tolist() == [0, 0.25, 1]
