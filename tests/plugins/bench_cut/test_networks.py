"""The generator can be listened to without changing what it does; heads give unit vectors."""

import pytest
import torch
import torch.nn.functional as F

from bench_cut.contrast import sample_patch_ids
from bench_cut.networks import FeatureGenerator, Heads, initialize_glorot
from bench_cut.options import CUTOptions
from bench_gan.networks import _upsample


def generator(seed=0, **changes):
    options = {"filters": 4, "blocks": 3, "contrast_blocks": (1, 3), "downsamplings": 2} | changes
    network = FeatureGenerator(CUTOptions(**options))
    initialize_glorot(network, torch.Generator().manual_seed(seed), 1.0)
    return network


def images(height=16, width=24):
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("contrast_blocks", [(), (1,), (2,), (1, 3), (3, 1)])
@pytest.mark.parametrize("downsamplings", [0, 1, 2])
def test_listening_changes_no_translation(contrast_blocks, downsamplings):
    network = generator(contrast_blocks=contrast_blocks, downsamplings=downsamplings)
    translated, features = network.forward_with_features(images())
    assert torch.equal(translated, network(images()))
    for alone, beside in zip(network.features(images()), features, strict=True):
        assert torch.equal(alone, beside)
    assert [layer.shape[1] for layer in features] == network.widths()


def test_features_are_pixels_convolutions_before_their_norm_and_blocks():
    network = generator()
    heard = {}
    layers = {"first": network.encoder[3], "second": network.encoder[7], "block 1": network.blocks[0]}
    layers["block 3"] = network.blocks[2]
    for name, layer in layers.items():
        layer.register_forward_hook(lambda _, __, output, name=name: heard.update({name: output}))
    features = network.features(images())
    expected = [images(), *(heard[name] for name in layers)]
    assert all(torch.equal(one, other) for one, other in zip(features, expected, strict=True))


def test_antialiased_convolutions_speak_before_the_halving_others_after():
    assert [layer.shape[2] for layer in generator().features(images())] == [16, 16, 8, 4, 4]
    assert [layer.shape[2] for layer in generator(antialias=False).features(images())] == [16, 8, 4, 4, 4]


def test_encoding_runs_no_layer_after_the_last_it_listens_to():
    network = generator(contrast_blocks=(1,))
    network.blocks[1].register_forward_hook(lambda *_: pytest.fail("ran in vain"))
    network.features(images())


def test_bilinear_upsampling_is_the_reference_codes_fixed_filter():
    """Its `Upsample` is a transposed convolution of 1, 3, 3, 1 over repeated borders, cut back (models/networks.py)."""
    features = images()
    weights = torch.tensor([1.0, 3.0, 3.0, 1.0])
    weights = (weights.outer(weights) / 64 * 4).expand(3, 1, 4, 4)
    padded = F.pad(features, (1, 1, 1, 1), mode="replicate")
    expected = F.conv_transpose2d(padded, weights, stride=2, padding=2, groups=3)[:, :, 1:-1, 1:-1]
    torch.testing.assert_close(_upsample(3, 3, "bilinear")[0](features), expected)


def test_heads_give_unit_vectors_in_float32():
    heads = Heads([3, 8], 32)
    initialize_glorot(heads, torch.Generator().manual_seed(0), 1.0)
    features = [images(), torch.rand(2, 8, 4, 4)]
    with torch.autocast("cpu", torch.bfloat16):
        vectors = heads(features, sample_patch_ids(features, 10, torch.Generator().manual_seed(0)))
    assert [layer.shape for layer in vectors] == [(2, 10, 32), (2, 10, 32)]
    for layer in vectors:
        assert layer.dtype is torch.float32
        torch.testing.assert_close(layer.norm(dim=2), torch.ones(2, 10))


def test_a_head_is_two_layers_with_a_relu_between():
    heads = Heads([3], 5)
    places = torch.tensor([2])
    vector = images()[:, :, 0, 2]
    first, _, second = heads.layers[0]
    expected = F.normalize(second(first(vector).clamp_min(0)), dim=1)
    torch.testing.assert_close(heads([images()], [places])[0][:, 0], expected)


def test_weights_are_drawn_by_glorots_rule_by_the_seed_alone():
    network = FeatureGenerator(CUTOptions(filters=32, blocks=1, contrast_blocks=(1,)))
    initialize_glorot(network, torch.Generator().manual_seed(0), 0.02)
    weight = network.blocks[0].body[0].weight.detach()
    assert float(weight.std()) == pytest.approx(0.02 * (2 / (128 * 9 + 128 * 9)) ** 0.5, rel=0.02)
    heads = Heads([64], 256)
    initialize_glorot(heads, torch.Generator().manual_seed(0), 0.5)
    assert float(heads.layers[0][0].weight.detach().std()) == pytest.approx(0.5 * (2 / (64 + 256)) ** 0.5, rel=0.02)
    assert not heads.layers[0][0].bias.any()
    again = FeatureGenerator(CUTOptions(filters=32, blocks=1, contrast_blocks=(1,)))
    initialize_glorot(again, torch.Generator().manual_seed(0), 0.02)
    assert torch.equal(again.blocks[0].body[0].weight, weight)
