"""CycleGAN with self-attention beside its sources: what differs from CycleGAN is the block and its places."""

import pytest

from bench_cyclegan.options import CycleGANOptions
from bench_cyclegan_attention.attention import SelfAttention
from bench_cyclegan_attention.options import CycleGANAttentionOptions
from bench_cyclegan_attention.translator import CycleGANAttention
from bench_gan.networks import count_parameters


def block_parameters(channels, reduction=8):
    """Three 1 x 1 convolutions to C / 8 channels, one back, each with biases, and gamma (arXiv:1805.08318)."""
    inner = channels // reduction
    return 3 * (channels * inner + inner) + inner * channels + channels + 1


@pytest.mark.parametrize("channels", [64, 256, 512])
def test_a_block_has_the_maps_of_the_paper(channels):
    assert count_parameters(SelfAttention(channels)) == block_parameters(channels)


def test_networks_are_those_of_cyclegan_and_their_blocks():
    translator = CycleGANAttention(CycleGANAttentionOptions())
    generator, discriminator = translator.generators["target"], translator.make_discriminators()["target"]
    assert count_parameters(generator) == 11_378_179 + 2 * block_parameters(256) == 11_444_421
    assert count_parameters(discriminator) == 2_764_737 + block_parameters(512) == 2_896_514


def test_everything_else_is_cyclegans():
    changed = {name: value for name, value in CycleGANAttentionOptions() if not name.startswith("attention_")}
    assert changed == dict(CycleGANOptions())
