"""The block of attention against its equations, and CycleGAN with it against CycleGAN without."""

import pytest
import torch
from torch import nn

from bench_cyclegan.options import CycleGANOptions
from bench_cyclegan.translator import CycleGAN
from bench_cyclegan_attention.attention import SelfAttention
from bench_cyclegan_attention.networks import AttentiveGenerator, AttentivePatchDiscriminator
from bench_cyclegan_attention.options import CycleGANAttentionOptions
from bench_cyclegan_attention.translator import CycleGANAttention
from bench_engine.adversarial import gradient_penalty
from benchmark import StageContext, UsageError

SMALL = {"filters": 8, "blocks": 1, "discriminator_filters": 8, "discriminator_layers": 2}


@pytest.fixture
def block():
    def make(channels=16, gamma=0.7, **changes):
        layer = SelfAttention(channels, 4, **changes)
        layer.draw_weights(torch.Generator().manual_seed(0))
        nn.init.constant_(layer.gamma, gamma)
        return layer

    return make


def features(channels=16, height=5, width=6, count=2):
    return torch.randn(count, channels, height, width, generator=torch.Generator().manual_seed(1))


def plain(block, x):
    """Equations 1 to 3 of the paper, place by place."""
    n, c, h, w = x.shape
    out = x.clone()
    for image in range(n):
        places = x[image].reshape(c, h * w).T
        f, g, v = block.query(places), block.key(places), block.value(places)
        for j in range(h * w):
            scores = torch.stack([g[i] @ f[j] for i in range(h * w)])
            found = (scores.softmax(0)[:, None] * v).sum(0)
            out[image, :, j // w, j % w] += block.gamma * block.out(found)
    return out


def test_attention_follows_the_equations(block):
    layer, x = block(), features()
    torch.testing.assert_close(layer(x), plain(layer, x), atol=1e-5, rtol=1e-4)


def test_a_block_changes_nothing_at_first(block):
    assert torch.equal(block(gamma=0.0)(features()), features())


@pytest.mark.parametrize(("keys", "key_size"), [(30, (5, 6)), (29, (3, 3)), (8, (2, 2)), (1, (1, 1))])
def test_beyond_a_number_of_places_keys_are_pooled(block, keys, key_size):
    layer = block(keys=keys)
    seen = layer.attention_received_map(features())
    assert seen.shape == (2, 1, *key_size)
    assert layer(features()).shape == features().shape


def test_with_pooled_keys_equal_features_attract_all_attention_evenly(block):
    layer = block(keys=9)
    torch.testing.assert_close(layer.attention_received_map(torch.ones(1, 16, 6, 6)), torch.full((1, 1, 3, 3), 1 / 9))


def test_attention_received_is_the_mean_of_what_all_places_send(block):
    layer, x = block(), features()
    attention_of_query = torch.stack(
        [layer.attention_of_query(x, row, column) for row in range(5) for column in range(6)]
    )
    torch.testing.assert_close(layer.attention_received_map(x), attention_of_query.mean(0))
    torch.testing.assert_close(attention_of_query.sum((3, 4)), torch.ones(30, 2, 1))


def test_a_place_looks_where_the_keys_agree_with_its_query(block):
    layer, x = block(), torch.zeros(1, 16, 4, 4)
    x[0, 0, 1, 1] = x[0, 0, 3, 2] = 1.0
    with torch.no_grad():
        for projection in (layer.query, layer.key):
            projection.weight.zero_()
            projection.weight[0, 0] = 5.0
    looks = layer.attention_of_query(x, 1, 1)[0, 0]
    assert {divmod(int(at), 4) for at in looks.flatten().topk(2).indices} == {(1, 1), (3, 2)}


def test_spectral_norm_bounds_the_maps(block):
    layer = block(spectral=True).train()
    with torch.no_grad():
        layer.query.parametrizations.weight.original.mul_(100)
        for _ in range(30):
            layer(features())
    assert float(torch.linalg.matrix_norm(layer.query.weight, 2)) == pytest.approx(1, rel=1e-3)


def test_before_the_first_step_translations_are_those_of_cyclegan(tmp_path):
    images = torch.rand(1, 3, 33, 41, generator=torch.Generator().manual_seed(2))
    plain, attentive = CycleGAN(CycleGANOptions(**SMALL)), CycleGANAttention(CycleGANAttentionOptions(**SMALL))
    models = [translator.make_model(StageContext(folder=tmp_path, seed=3)) for translator in (plain, attentive)]
    assert torch.equal(plain.translate(images), attentive.translate(images))
    assert torch.equal(plain.inverse(images), attentive.inverse(images))
    scores = [model.discriminators["target"](images * 2 - 1) for model in models]
    assert torch.equal(*scores)


def test_weights_of_cyclegan_fit():
    generator = AttentiveGenerator(CycleGANAttentionOptions(**SMALL))
    of_cyclegan = CycleGAN(CycleGANOptions(**SMALL)).generators["target"].state_dict()
    missing, unexpected = generator.load_state_dict(of_cyclegan, strict=False)
    assert not unexpected
    assert missing
    assert all(name.startswith("attention.") for name in missing)


@pytest.mark.parametrize(
    ("layers", "places", "found"),
    [(3, (-1,), {"4": 512}), (3, (1, 2, 3, 4), {"1": 64, "2": 128, "3": 256, "4": 512}), (1, (-1,), {"2": 128})],
)
def test_attention_of_a_discriminator_stands_where_it_is_wanted(layers, places, found):
    options = CycleGANAttentionOptions(discriminator_layers=layers, attention_discriminator=places)
    blocks = AttentivePatchDiscriminator(options).attention
    assert {number: block.out.out_features for number, block in blocks.items()} == found


def test_a_place_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="expected convolutions from 1 to 3"):
        CycleGANAttentionOptions(discriminator_layers=2, attention_discriminator=(4,))


def test_the_penalty_of_an_attentive_discriminator_has_a_gradient():
    network = AttentivePatchDiscriminator(CycleGANAttentionOptions(**SMALL))
    nn.init.constant_(network.attention["3"].gamma, 1.0)
    gradient_penalty(network, torch.rand(1, 3, 32, 32)).backward()
    assert network.attention["3"].query.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("size", [(8, 8), (33, 41)])
def test_maps_have_the_size_of_the_images_and_reach_one(size):
    translator = CycleGANAttention(CycleGANAttentionOptions(**SMALL, attention_generator=("before-blocks",)))
    images = torch.rand(2, 3, *size)
    for maps in (translator.attention_maps(images), translator.attention_from(images, size[0] - 1, size[1] - 1)):
        assert maps.shape == (2, 1, *size)
        assert 0 <= float(maps.min()) <= float(maps.max()) <= 1


def test_without_attention_there_is_nothing_to_show():
    translator = CycleGANAttention(CycleGANAttentionOptions(**SMALL, attention_generator=()))
    with pytest.raises(UsageError, match="no place is named"):
        translator.attention_maps(torch.rand(1, 3, 16, 16))
