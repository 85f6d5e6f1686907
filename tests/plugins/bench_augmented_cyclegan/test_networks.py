"""Norms, generators, encoder and discriminators, each against a plain computation."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from bench_augmented_cyclegan.networks import (
    AffineInstanceNorm,
    Block,
    ConditionalInstanceNorm,
    ImageDiscriminator,
    LatentDiscriminator,
    LatentEncoder,
    LatentResnetGenerator,
    initialize_weights,
)


def drawn(network):
    """With all parameters away from the values that hide mistakes."""
    draw = torch.Generator().manual_seed(0)
    initialize_weights(network, draw, 0.0, 0.02)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=draw), alpha=0.3)
    return network


def conditioned(norm, features, latent):
    """Conditional instance norm as the authors' code states it, but for the variance, which is over n pixels."""
    channels = features.shape[1]
    projected = latent @ norm.projection.weight.flatten(1).T + norm.projection.bias
    scale, shift = projected.clamp_min(0)[..., None, None].split(channels, dim=1)
    mean = features.mean((2, 3), keepdim=True)
    variance = features.var((2, 3), keepdim=True, correction=0)
    return (features - mean) / (variance + norm.eps).sqrt() * scale + shift


def test_conditional_instance_norm_is_that_of_the_paper():
    norm = drawn(ConditionalInstanceNorm(6, 4, 1e-3))
    features, latent = torch.randn(3, 6, 5, 7), torch.randn(3, 4)
    torch.testing.assert_close(norm(features, latent), conditioned(norm, features, latent))


def test_affine_instance_norm_is_that_of_torch():
    norm = drawn(AffineInstanceNorm(6, 1e-3))
    features = torch.randn(3, 6, 5, 7)
    expected = F.instance_norm(features, weight=norm.scale, bias=norm.shift, eps=1e-3)
    torch.testing.assert_close(norm(features), expected)


def mirrored(convolution, features):
    return F.conv2d(F.pad(features, (1, 1, 1, 1), mode="reflect"), convolution.weight, convolution.bias)


def test_a_block_with_latent_has_a_conditional_norm_inside_and_a_relu_at_the_end():
    block, features, latent = drawn(Block(4, 3, 1e-5)), torch.randn(2, 4, 6, 5), torch.randn(2, 3)
    inner = conditioned(block.norm, mirrored(block.first, features), latent).relu()
    branch = F.instance_norm(mirrored(block.second, inner), weight=block.last.scale, bias=block.last.shift)
    torch.testing.assert_close(block(features, latent), (features + branch).relu())


def test_a_block_without_latent_has_no_norm_inside():
    block, features = drawn(Block(4, 0, 1e-5)), torch.randn(2, 4, 6, 5)
    inner = mirrored(block.first, features).relu()
    branch = F.instance_norm(mirrored(block.second, inner), weight=block.last.scale, bias=block.last.shift)
    torch.testing.assert_close(block(features, None), (features + branch).relu())


@pytest.mark.parametrize("size", [(12, 16), (13, 17), (31, 6), (1, 1)])
@pytest.mark.parametrize("downsamplings", [0, 1, 2])
def test_a_generator_keeps_any_size(size, downsamplings):
    for latent_size in (0, 3):
        generator = drawn(LatentResnetGenerator(4, 1, downsamplings, latent_size))
        result = generator(torch.rand(2, 3, *size), torch.randn(2, 3) if latent_size else None)
        assert result.shape == (2, 3, *size)
        assert result.abs().max() <= 1


def test_downsamplings_halve_the_size_at_the_blocks_and_double_the_channels():
    seen = {}
    for downsamplings in (1, 2):
        generator = LatentResnetGenerator(4, 1, downsamplings)
        block = next(layer for layer in generator.layers if isinstance(layer, Block))
        block.register_forward_pre_hook(lambda module, inputs, key=downsamplings: seen.update({key: inputs[0].shape}))
        generator(torch.rand(1, 3, 16, 24))
    assert seen == {1: (1, 16, 8, 12), 2: (1, 32, 4, 6)}


def test_the_latent_changes_the_image_and_each_image_has_its_own():
    generator = drawn(LatentResnetGenerator(4, 1, 1, 3))
    image, latents = torch.rand(1, 3, 12, 16), torch.randn(2, 3)
    both = generator(image.expand(2, -1, -1, -1), latents)
    assert not torch.allclose(both[0], both[1], atol=1e-3)
    torch.testing.assert_close(both[1:], generator(image, latents[1:]))


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (64, 64), (33, 80)])
def test_the_encoder_takes_images_of_any_size_and_in_any_batch(size):
    encoder = drawn(LatentEncoder(5, 4))
    source, target = torch.rand(2, 3, 3, *size) * 2 - 1
    latents = encoder(source, target)
    assert latents.shape == (3, 5)
    torch.testing.assert_close(encoder(source[1:2], target[1:2]), latents[1:2])


def test_the_encoder_sees_the_overall_colour():
    encoder = drawn(LatentEncoder(5, 4))
    source = torch.rand(1, 3, 16, 16) * 2 - 1
    assert not torch.allclose(encoder(source, source * 0.5), encoder(source, source * 0.5 + 0.4), atol=1e-2)


def test_the_target_discriminator_is_the_stated_stack_of_layers():
    network = drawn(ImageDiscriminator(4, 4, (2, 2, 1, 1), 1))
    first, *between, last = [layer for layer in network.layers if isinstance(layer, nn.Conv2d)]
    norms = [layer for layer in network.layers if isinstance(layer, AffineInstanceNorm)]
    images = torch.rand(2, 3, 24, 32)
    features = F.leaky_relu(F.conv2d(images, first.weight, first.bias, 2, 1), 0.2)
    for convolution, norm, stride in zip(between, norms, (2, 1, 1), strict=True):
        features = F.conv2d(features, convolution.weight, convolution.bias, stride, 1)
        features = F.leaky_relu(F.instance_norm(features, weight=norm.scale, bias=norm.shift), 0.2)
    torch.testing.assert_close(network(images), F.conv2d(features, last.weight, last.bias, padding=1))


@pytest.mark.parametrize(("strides", "kernel", "border"), [((2, 2, 1, 1), 4, 1), ((2,) * 4, 3, 0), ((2,), 3, 0)])
def test_a_discriminator_knows_the_smallest_image_it_can_judge(strides, kernel, border):
    network = ImageDiscriminator(4, kernel, strides, border)
    least = network.smallest_image()
    assert network(torch.rand(1, 3, least, least)).shape == (1, 1, 1, 1)
    with pytest.raises(RuntimeError):
        network(torch.rand(1, 3, least - 1, least - 1))


def test_a_latent_is_judged_alike_in_any_batch():
    network, latents = drawn(LatentDiscriminator(5, 8)), torch.randn(4, 5)
    torch.testing.assert_close(network(latents[:1]), network(latents)[:1])


@pytest.mark.parametrize(("scale", "latent_weight"), [(0.0, 0.02), (1.0, 0.1)])
def test_norms_start_as_asked_for(scale, latent_weight):
    generator = LatentResnetGenerator(8, 2, 1, 16)
    initialize_weights(generator, torch.Generator().manual_seed(0), scale, latent_weight)
    conditional = [module.projection for module in generator.modules() if isinstance(module, ConditionalInstanceNorm)]
    for projection in conditional:
        scales, shifts = projection.bias.detach().chunk(2)
        assert (scales == scale).all()
        assert (shifts == 0).all()
        assert float(projection.weight.detach().std()) == pytest.approx(latent_weight, rel=0.15)
    plain = [module.scale.detach() for module in generator.modules() if isinstance(module, AffineInstanceNorm)]
    assert float(torch.cat(plain).mean()) == pytest.approx(scale, abs=0.01)
    assert float(torch.cat(plain).std()) == pytest.approx(0.02, rel=0.3)


def test_with_the_authors_start_a_latent_switches_half_of_all_channels_off():
    norm = ConditionalInstanceNorm(64, 16, 1e-5)
    initialize_weights(norm, torch.Generator().manual_seed(0), 0.0, 0.02)
    features = norm(torch.randn(8, 64, 6, 6), torch.randn(8, 16))
    dead = features.std((2, 3)) == 0
    assert 0.3 < float(dead.float().mean()) < 0.7
