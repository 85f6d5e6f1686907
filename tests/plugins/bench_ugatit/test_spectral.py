"""Spectral norm against torch's own, and against the singular values themselves."""

import torch
from torch.nn.utils import spectral_norm

from bench_ugatit.spectral import SpectralConv


def conv(*sizes, **options):
    layer = SpectralConv(*sizes, **options)
    with torch.no_grad():
        layer.weight.normal_(generator=torch.Generator().manual_seed(0))
        if layer.bias is not None:
            layer.bias.normal_(generator=torch.Generator().manual_seed(1))
    return layer


def pixels(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(2))


def test_each_pass_is_that_of_torchs_spectral_norm():
    ours = conv(2, 5, 4, stride=2)
    theirs = torch.nn.Conv2d(2, 5, 4, stride=2, padding=1, padding_mode="reflect")
    theirs.load_state_dict({name: value for name, value in ours.state_dict().items() if name != "direction"})
    theirs = spectral_norm(theirs)
    theirs.weight_u.copy_(ours.direction)
    images = pixels(2, 2, 8, 10)
    for _ in range(4):
        expected, result = theirs(images), ours(images)
        torch.testing.assert_close(result, expected)
        ours.zero_grad()
        theirs.zero_grad()
        result.square().sum().backward()
        expected.square().sum().backward()
        torch.testing.assert_close(ours.weight.grad, theirs.weight_orig.grad)


def test_passes_lead_to_the_largest_singular_value():
    layer, images = conv(3, 6, 4), pixels(1, 3, 6, 6)
    for _ in range(60):
        layer(images)
    expected = torch.linalg.matrix_norm(layer.weight.flatten(1), 2)
    torch.testing.assert_close(layer.largest_singular_value(), expected)


def test_outside_of_training_nothing_is_followed():
    layer = conv(3, 6, 4).eval()
    before = layer.direction.clone()
    layer(pixels(1, 3, 6, 6))
    assert torch.equal(layer.direction, before)


def test_a_single_output_is_normalised_exactly_at_once():
    layer = conv(3, 1, 4, bias=False)
    torch.testing.assert_close(layer.largest_singular_value(), layer.weight.norm())


def test_the_singular_value_is_found_in_float32_under_autocast():
    layer = conv(3, 6, 4)
    exact, images = conv(3, 6, 4), pixels(1, 3, 6, 6)
    expected = exact(images)
    with torch.autocast("cpu", torch.bfloat16):
        result = layer(images)
    assert result.dtype is torch.bfloat16
    assert torch.equal(layer.direction, exact.direction)
    torch.testing.assert_close(result.float(), expected, atol=0.02, rtol=0.02)


def test_two_passes_before_their_gradients_do_not_disturb_each_other():
    layer, images = conv(2, 3, 4), pixels(1, 2, 6, 6)
    (layer(images).sum() + layer(images).square().sum()).backward()
    assert torch.isfinite(layer.weight.grad).all()
