"""Generators keep any size, the full form its own; discriminators judge patches of the stated sizes."""

import pytest
import torch

from bench_ugatit.networks import (
    AdaptiveBlock,
    AttentionDiscriminator,
    AttentionGenerator,
    Style,
    clip_rho,
    draw_weights,
)
from benchmark import UsageError


def drawn(network, gain=1):
    """A network of drawn weights, larger ones where what comes out is to differ by more than rounding."""
    draw_weights(network, torch.Generator().manual_seed(0))
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.mul_(gain if name.endswith("weight") else 1)
    return network


def images(count, height, width, seed=1):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize("size", [(16, 24), (17, 30), (1, 5), (3, 2)])
@pytest.mark.parametrize("blocks", [0, 2])
def test_the_light_form_keeps_any_size_and_stays_in_range(size, blocks):
    network = drawn(AttentionGenerator(2, blocks))
    for count in (1, 3):
        result = network(images(count, *size))
        assert result.shape == (count, 3, *size)
        assert result.abs().max() <= 1
        attended, logits = network.attend(images(count, *size))
        assert attended.min() >= 0
        assert logits.shape == (count, 2)


@pytest.mark.parametrize("size", [None, (12, 18)])
def test_images_of_a_batch_do_not_mix(size):
    network, batch = drawn(AttentionGenerator(2, 1, size), gain=10), images(2, 12, 18)
    torch.testing.assert_close(network(batch)[1:], network(batch[1:]))
    torch.testing.assert_close(network.attend(batch)[1][1:], network.attend(batch[1:])[1])


@pytest.mark.parametrize("size", [(16, 24), (13, 18), (5, 6)])
def test_the_full_form_takes_its_own_size_alone(size):
    network = drawn(AttentionGenerator(2, 1, size))
    assert network(images(2, *size)).shape == (2, 3, *size)
    with pytest.raises(UsageError, match=f"expected images of {size[0]} x {size[1]} pixels.*but these are 16 x 25"):
        network(images(1, 16, 25))


def test_the_full_style_sees_where_features_are_and_the_light_one_does_not():
    features = torch.rand(1, 3, 2, 4, generator=torch.Generator().manual_seed(0))
    light, full = drawn(Style(3), gain=25), drawn(Style(3, 8), gain=25)
    torch.testing.assert_close(light(features.flip(3))[0], light(features)[0])
    assert not torch.allclose(full(features.flip(3))[0], full(features)[0])


def test_an_adaptive_block_whose_gain_and_shift_are_zero_changes_nothing():
    features, nothing = torch.rand(2, 3, 4, 5), torch.zeros(2, 3)
    assert torch.equal(drawn(AdaptiveBlock(3, 1e-5))(features, nothing, nothing), features)


@pytest.mark.parametrize(("layers", "patch"), [(3, 16), (4, 34), (5, 70), (6, 142)])
def test_a_score_sees_a_patch_of_the_stated_size(layers, patch):
    network = drawn(AttentionDiscriminator(2, layers), gain=10)
    pixels = images(1, 320, 320).requires_grad_()
    scores, _ = network(pixels)
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    touched = pixels.grad[0].abs().sum(0) > 0
    assert (int(touched.any(0).sum()), int(touched.any(1).sum())) == (patch, patch)


@pytest.mark.parametrize("layers", [3, 4, 5, 6])
def test_the_smallest_image_leaves_a_score_and_a_smaller_one_none(layers):
    network = drawn(AttentionDiscriminator(2, layers))
    side = network.smallest_image()
    scores, logits = network(images(1, side, side))
    assert (scores.shape, logits.shape) == ((1, 1, 1, 1), (1, 2))
    with pytest.raises(RuntimeError, match=r"(?i)padding size"):
        network(images(1, side - 1, side - 1))


def test_a_discriminator_changes_by_no_more_than_the_image():
    """All 4x4 convolutions are bounded; a path through them alone, without attention, cannot stretch."""
    network, pixels = drawn(AttentionDiscriminator(4, 4), gain=250), images(1, 32, 32)
    for _ in range(30):
        network(pixels)
    for layer in (*network.body[::2], network.head):
        weight = layer.weight / layer.largest_singular_value()
        torch.testing.assert_close(torch.linalg.matrix_norm(weight.flatten(1), 2), torch.tensor(1.0), atol=0.02, rtol=0)


def test_weights_are_drawn_from_one_distribution():
    for network in (drawn(AttentionGenerator(16, 2)), drawn(AttentionDiscriminator(16, 4))):
        layers = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
        weights = torch.cat([layer.weight.detach().flatten() for layer in layers])
        assert float(weights.std()) == pytest.approx(0.02, rel=0.02)
        assert all(0.005 < float(layer.weight.detach().std()) < 0.04 for layer in layers)
        assert all((layer.bias == 0).all() for layer in layers if layer.bias is not None)


def test_all_mixtures_of_a_generator_are_clipped():
    network = drawn(AttentionGenerator(2, 2))
    mixtures = [parameter for name, parameter in network.named_parameters() if name.endswith("rho")]
    assert len(mixtures) == 2 * 2 + 2
    with torch.no_grad():
        for parameter in mixtures:
            parameter.fill_(1.25)
    clip_rho(network)
    assert all((parameter == 1).all() for parameter in mixtures)


@pytest.mark.parametrize("value", [-1.0, 1.0])
def test_constant_images_give_finite_gradients(value):
    generator, discriminator_loss = drawn(AttentionGenerator(2, 1)), drawn(AttentionDiscriminator(2, 3))
    scores, logits = discriminator_loss(generator(torch.full((1, 3, 12, 16), value)))
    (scores.square().mean() + logits.square().mean()).backward()
    gradients = {name: p.grad for name, p in generator.named_parameters() if p.grad is not None}
    assert "encoder.0.weight" in gradients
    assert all(torch.isfinite(gradient).all() for gradient in gradients.values())
