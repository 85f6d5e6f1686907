"""The U-Net computes what the paper draws, at any size."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from bench_gan.networks import initialize
from bench_pix2pix.networks import UnetGenerator


def drawn(seed=0, gain=0.2, **sizes):
    network = UnetGenerator(**{"filters": 2, "downsamplings": 3, **sizes})
    initialize(network, torch.Generator().manual_seed(seed), gain)
    return network


def images(count, height, width, seed=1):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def unet_with_batch_norm(network, pixels):
    """The U-Net as the paper draws it, from the inside out, with the weights of ours and the library's batch norm."""
    weights = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    half = len(weights) // 2
    down, up = weights[:half], weights[half:]

    def normed(features):
        return F.batch_norm(features, None, None, training=True)

    def below(features, level):
        """Two halves: the features of a level, and what the decoder makes of all that lies below it."""
        inner = F.conv2d(F.leaky_relu(features, 0.2), down[level].weight, stride=2, padding=1)
        if level < half - 1:
            inner = below(normed(inner), level + 1)
        outer = F.conv_transpose2d(F.relu(inner), up[half - 1 - level].weight, stride=2, padding=1)
        return torch.cat([normed(outer), features], dim=1)

    first = F.conv2d(pixels, down[0].weight, stride=2, padding=1)
    return torch.tanh(F.conv_transpose2d(F.relu(below(first, 1)), up[-1].weight, stride=2, padding=1))


@pytest.mark.parametrize("downsamplings", [2, 3, 5])
def test_with_one_image_a_step_it_equals_the_papers_network_with_batch_norm(downsamplings):
    network = drawn(downsamplings=downsamplings).eval()
    pixels = images(1, 64, 96)
    expected = unet_with_batch_norm(network, pixels)
    assert expected.std() > 0.05
    torch.testing.assert_close(network(pixels), expected, atol=1e-5, rtol=1e-4)


def test_with_two_images_a_step_batch_norm_would_mix_them_and_this_network_does_not():
    network = drawn().eval()
    pixels = images(2, 16, 24)
    apart = torch.cat([network(one[None]) for one in pixels])
    torch.testing.assert_close(network(pixels), apart, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(unet_with_batch_norm(network, pixels), apart, atol=1e-2)


@pytest.mark.parametrize("downsamplings", [1, 2, 5])
@pytest.mark.parametrize("size", [(32, 64), (33, 47), (1, 5), (1, 1)])
def test_any_size_is_kept_and_the_range_too(downsamplings, size):
    translated = drawn(downsamplings=downsamplings)(images(2, *size))
    assert translated.shape == (2, 3, *size)
    assert translated.abs().max() <= 1


def test_an_image_of_odd_size_is_translated_as_its_mirrored_continuation():
    network = drawn().eval()
    pixels = images(1, 13, 16)
    continued = torch.cat([pixels, pixels[:, :, [11, 10, 9]]], dim=2)
    assert torch.equal(network(pixels), network(continued)[:, :, :13])


def dropping(network):
    return [index for index, layer in enumerate(network.decoder) if isinstance(layer[-1], nn.Dropout)]


@pytest.mark.parametrize(("downsamplings", "layers"), [(8, [0, 1, 2]), (7, [0, 1, 2]), (6, [0, 1]), (5, [0]), (4, [])])
def test_the_innermost_decoder_layers_of_full_width_drop_features(downsamplings, layers):
    with torch.device("meta"):
        assert dropping(UnetGenerator(downsamplings=downsamplings)) == layers
        assert dropping(UnetGenerator(downsamplings=downsamplings, dropout=0)) == []


def test_dropout_varies_a_training_image_and_no_translation():
    network = drawn(downsamplings=6)
    pixels = images(1, 64, 64)
    network.train()
    assert not torch.equal(network(pixels), network(pixels))
    network.eval()
    assert torch.equal(network(pixels), network(pixels))


@pytest.mark.parametrize("value", [-1.0, 0.0])
def test_black_and_constant_images_give_finite_outputs_and_gradients(value):
    network = drawn(downsamplings=5)
    network(torch.full((1, 3, 32, 32), value)).square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())
