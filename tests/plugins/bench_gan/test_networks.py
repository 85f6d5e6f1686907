"""Generators and discriminators have the sizes of the paper and accept images of any size."""

import pytest
import torch

from bench_gan.networks import (
    PatchDiscriminator,
    ReflectConv,
    ResnetGenerator,
    count_parameters,
    initialize,
)


def drawn(network, seed=0):
    initialize(network, torch.Generator().manual_seed(seed))
    return network


def images(count, height, width, seed=1):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_the_generator_of_the_paper_has_11_378_million_parameters():
    network = ResnetGenerator()
    assert count_parameters(network) == 11_378_179
    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.ConvTranspose2d)]
    assert len(convolutions) == 24


def test_the_discriminator_of_the_paper_has_2_765_million_parameters():
    assert count_parameters(PatchDiscriminator()) == 2_764_737


def test_a_discriminator_of_more_channels_differs_in_its_first_layer_alone():
    network = drawn(PatchDiscriminator(4, 1, channels=6))
    assert count_parameters(network) == count_parameters(PatchDiscriminator(4, 1)) + 3 * 4 * 16
    assert network(torch.cat([images(1, 16, 16), images(1, 16, 16, seed=2)], dim=1)).shape == (1, 1, 6, 6)


def test_antialiasing_adds_no_parameters():
    assert count_parameters(ResnetGenerator(8, 1, antialias=True)) == count_parameters(ResnetGenerator(8, 1))
    assert count_parameters(PatchDiscriminator(8, antialias=True)) == count_parameters(PatchDiscriminator(8))


@pytest.mark.parametrize(
    ("layers", "antialias", "patch"), [(1, False, 16), (2, False, 34), (3, False, 70), (3, True, 84)]
)
def test_a_score_sees_a_patch_of_the_stated_size(layers, antialias, patch):
    network = drawn(PatchDiscriminator(4, layers, antialias=antialias))
    # Instance norm sees the whole image; without it what remains is the field of the convolutions.
    network.body = torch.nn.Sequential(*(m for m in network.body if type(m).__name__ != "InstanceNorm"))
    pixels = images(1, 160, 160).requires_grad_()
    scores = network(pixels)
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    touched = pixels.grad[0].abs().sum(0) > 0
    assert (int(touched.any(0).sum()), int(touched.any(1).sum())) == (patch, patch)


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_smallest_image_leaves_one_score_and_a_smaller_one_none(layers, antialias):
    network = drawn(PatchDiscriminator(2, layers, antialias=antialias))
    side = network.smallest_image()
    assert network(images(1, side, side)).shape == (1, 1, 1, 1)
    with pytest.raises(RuntimeError, match=r"(?i)kernel size"):
        network(images(1, side - 1, side - 1))


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("upsampling", ["transpose", "nearest", "bilinear"])
@pytest.mark.parametrize("downsamplings", [0, 1, 2, 3])
@pytest.mark.parametrize("size", [(16, 24), (17, 30), (1, 5), (3, 2)])
def test_a_generator_keeps_any_size_and_stays_in_range(upsampling, downsamplings, size, antialias):
    network = drawn(ResnetGenerator(2, 1, downsamplings, upsampling, antialias=antialias))
    translated = network(images(2, *size))
    assert translated.shape == (2, 3, *size)
    assert translated.abs().max() <= 1


def test_a_size_that_fits_is_not_padded():
    network = drawn(ResnetGenerator(2, 1))
    pixels = images(1, 16, 12)
    direct = network.decoder(network.blocks(network.encoder(pixels)))
    assert torch.equal(network(pixels), direct)


def test_images_of_a_batch_do_not_influence_each_other():
    generator, discriminator = drawn(ResnetGenerator(4, 2)), drawn(PatchDiscriminator(4, 2))
    pixels = images(3, 16, 20)
    for network in (generator, discriminator):
        together = network(pixels)
        torch.testing.assert_close(together, torch.cat([network(one[None]) for one in pixels]), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("value", [-1.0, 0.0])
def test_black_and_constant_images_give_finite_outputs_and_gradients(value):
    generator, discriminator = drawn(ResnetGenerator(4, 2)), drawn(PatchDiscriminator(4, 2))
    scores = discriminator(generator(torch.full((1, 3, 16, 16), value)))
    (scores - 1).square().mean().backward()
    gradients = [p.grad for p in generator.parameters()]
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    assert torch.isfinite(scores).all()


def test_weights_are_drawn_from_the_papers_distribution_by_the_seed_alone():
    first, second, other = (drawn(ResnetGenerator(16, 2), seed) for seed in (0, 0, 1))
    weights = torch.cat([p.flatten() for name, p in first.named_parameters() if name.endswith("weight")])
    assert float(weights.mean()) == pytest.approx(0, abs=5e-4)
    assert float(weights.std()) == pytest.approx(0.02, rel=0.02)
    assert all((p == 0).all() for name, p in first.named_parameters() if name.endswith("bias"))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert not torch.equal(next(first.parameters()), next(other.parameters()))


@pytest.mark.parametrize("kernel", [3, 7])
@pytest.mark.parametrize(("stride", "bias"), [(1, True), (2, False)])
def test_a_reflecting_convolution_equals_the_librarys_and_pads_in_the_given_type(kernel, stride, bias):
    ours = ReflectConv(2, 3, kernel, stride, bias)
    library = torch.nn.Conv2d(2, 3, kernel, stride, padding=kernel // 2, padding_mode="reflect", bias=bias)
    library.load_state_dict(ours.state_dict())
    pixels = images(1, 8, 9)[:, :2]
    assert torch.equal(ours(pixels), library(pixels))
    with torch.autocast("cpu", torch.bfloat16):
        assert ours(pixels).dtype is torch.bfloat16
        torch.testing.assert_close(ours(pixels), library(pixels))
