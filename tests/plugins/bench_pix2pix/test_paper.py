"""Sizes and settings, row by row, as the paper and the authors' code state them.

"Torch" is the paper's own code, github.com/phillipi/pix2pix; "PyTorch" is the authors' later one,
github.com/junyanz/pytorch-CycleGAN-and-pix2pix. Published counts of parameters are what the latter prints at the
start of a training with its own settings for pix2pix (batch norm).
"""

from itertools import pairwise

import pytest
import torch
from torch import nn

from bench_gan.networks import count_parameters
from bench_pix2pix.model import Pix2PixModel, make_discriminators, make_generators
from bench_pix2pix.options import Pix2PixOptions
from bench_pix2pix.translator import Pix2Pix
from benchmark.api.stage_context import StageContext

DEFAULTS = [
    ("images_seen", 200 * 2975, "appendix 6.2: 200 epochs of the 2975 training images of Cityscapes"),
    ("batch_size", 1, "section 4.1 and appendix 6.2"),
    ("flip", True, "appendix 6.2: mirroring"),
    ("gan_loss", "vanilla", "equation 1, with log D for the generator (section 3.3)"),
    ("lambda_adversarial", 1.0, "equation 4"),
    ("lambda_l1", 100.0, "equation 4 and section 4.2; Torch, train.lua: lambda"),
    ("lambda_discriminator", 0.5, "section 3.3: the objective is divided by 2 while D learns"),
    ("order", "discriminator-first", "section 3.3; Torch, train.lua; PyTorch, pix2pix_model.py"),
    ("pool", 0, "PyTorch, pix2pix_model.py: pool_size"),
    ("lr", 2e-4, "section 3.3"),
    ("lr_discriminator", None, "section 3.3: one rate"),
    ("betas", (0.5, 0.999), "section 3.3"),
    ("weight_decay", 0.0, "PyTorch, pix2pix_model.py"),
    ("schedule", "linear", "PyTorch, train_options.py: 100 epochs of falling rate"),
    ("constant_share", 0.5, "PyTorch, train_options.py: after 100 at the full rate"),
    ("filters", 64, "appendix 6.1.1: C64"),
    ("downsamplings", 8, "appendix 6.1.1: eight layers"),
    ("dropout", 0.5, "appendix 6.1"),
    ("discriminator_filters", 64, "appendix 6.1.2: C64"),
    ("discriminator_layers", 3, "appendix 6.1.2: the discriminator of 70 x 70 pixels"),
    ("discriminator_steps", 1, "section 3.3: one step of each in turn"),
]


@pytest.mark.parametrize(("name", "value", "source"), DEFAULTS, ids=[row[0] for row in DEFAULTS])
def test_a_default_is_that_of_the_paper(name, value, source):
    assert getattr(Pix2PixOptions(), name) == value, source


@pytest.mark.parametrize("name", ["instance_noise", "label_smoothing", "lambda_gradient_penalty", "ema"])
def test_measures_the_paper_does_not_have_are_off(name):
    assert getattr(Pix2PixOptions(), name) == 0


@pytest.fixture(scope="module")
def networks():
    """Generator and discriminator at the paper's sizes, without memory for weights."""
    with torch.device("meta"):
        options = Pix2PixOptions()
        return make_generators(options)["target"], make_discriminators(options)["target"]


def widths(network, kind):
    return [m.out_channels for m in network.modules() if isinstance(m, kind)]


def test_the_layers_are_as_wide_as_in_appendix_6_1(networks):
    generator, discriminator = networks
    assert widths(generator, nn.Conv2d) == [64, 128, 256, 512, 512, 512, 512, 512]
    assert widths(generator, nn.ConvTranspose2d) == [512, 512, 512, 512, 256, 128, 64, 3]
    assert widths(discriminator, nn.Conv2d) == [64, 128, 256, 512, 1]
    assert discriminator.body[0].in_channels == 6


def test_all_of_the_generators_convolutions_are_4_x_4_with_stride_2(networks):
    kinds = nn.Conv2d | nn.ConvTranspose2d
    shapes = {(m.kernel_size, m.stride, m.padding) for m in networks[0].modules() if isinstance(m, kinds)}
    assert shapes == {((4, 4), (2, 2), (1, 1))}


def test_weights_are_drawn_from_a_normal_distribution_of_deviation_0_02(tmp_path, tiny):
    options = tiny(filters=8, discriminator_filters=8)
    model = Pix2PixModel(
        make_generators(options), make_discriminators(options), options, StageContext(folder=tmp_path, seed=0)
    )
    weights = torch.cat([p.detach().flatten() for name, p in model.named_parameters() if name.endswith("weight")])
    assert float(weights.mean()) == pytest.approx(0, abs=5e-4)
    assert float(weights.std()) == pytest.approx(0.02, rel=0.02)
    assert all((p == 0).all() for name, p in model.named_parameters() if name.endswith("bias"))


def normed(convolution):
    """A convolution and its batch norm, as the PyTorch code has them: the convolution without a bias."""
    return [convolution, nn.BatchNorm2d(convolution.out_channels)]


def published_generator():
    """The layers of `UnetGenerator` in the PyTorch code's networks.py, in a row: enough to count."""
    down = pairwise([64, 128, 256, 512, 512, 512, 512])
    up = [(512, 512), (1024, 512), (1024, 512), (1024, 512), (1024, 256), (512, 128), (256, 64)]
    return nn.Sequential(
        nn.Conv2d(3, 64, 4, bias=False),
        *(layer for sizes in down for layer in normed(nn.Conv2d(*sizes, 4, bias=False))),
        nn.Conv2d(512, 512, 4, bias=False),
        *(layer for sizes in up for layer in normed(nn.ConvTranspose2d(*sizes, 4, bias=False))),
        nn.ConvTranspose2d(128, 3, 4),
    )


def published_discriminator():
    """The layers of `NLayerDiscriminator` in the PyTorch code's networks.py."""
    middle = pairwise([64, 128, 256, 512])
    return nn.Sequential(
        nn.Conv2d(6, 64, 4),
        *(layer for sizes in middle for layer in normed(nn.Conv2d(*sizes, 4, bias=False))),
        nn.Conv2d(512, 1, 4),
    )


COUNTS = [
    pytest.param(published_generator, 54_413_955, "54.414 M", make_generators, 54_409_603, id="generator"),
    pytest.param(published_discriminator, 2_768_705, "2.769 M", make_discriminators, 2_767_809, id="discriminator"),
]


def biases(network):
    """Numbers in the biases of convolutions."""
    kinds = nn.Conv2d | nn.ConvTranspose2d
    return sum(m.bias.numel() for m in network.modules() if isinstance(m, kinds) and m.bias is not None)


@pytest.mark.parametrize(("build", "published", "printed", "make", "ours"), COUNTS)
def test_parameters_differ_from_the_published_count_by_what_the_norm_makes(build, published, printed, make, ours):
    with torch.device("meta"):
        theirs, network = build(), make(Pix2PixOptions())
    assert count_parameters(theirs) == published
    assert f"{published / 1e6:.3f} M" == printed
    assert count_parameters(network) == ours
    in_norms = sum(count_parameters(m) for m in theirs if isinstance(m, nn.BatchNorm2d))
    assert published - ours == in_norms + biases(theirs) - biases(network)


@pytest.mark.parametrize(("build", "published", "printed", "make", "ours"), COUNTS)
def test_the_translator_states_both_counts(build, published, printed, make, ours):
    for stated in (f"{published:,}", printed, f"{ours:,}"):
        assert stated in Pix2Pix.__doc__
