"""Sizes, losses and training as published, each row with its source.

`code` is the authors' PyTorch code, znxlwm/UGATIT-pytorch at b8c4251; its parameters were counted by building its
networks. `tensorflow` is the authors' TensorFlow code, taki0112/UGATIT, with which the paper's figures were made.
"""

import pytest
import torch

from bench_gan.networks import count_parameters
from bench_gan.options import AdversarialOptions
from bench_ugatit.model import make_discriminators, make_generators
from bench_ugatit.networks import DEVIATION, AttentionGenerator
from bench_ugatit.norm import AdaptiveLayerInstanceNorm, LayerInstanceNorm
from bench_ugatit.options import UGATITOptions
from bench_ugatit.spectral import SpectralConv

PAPER = UGATITOptions()
FULL = UGATITOptions(size="full", crop=(256, 256))

PARAMETERS = {
    "a generator, light": (lambda: make_generators(PAPER)["target"], 10_589_888, "code networks.py ResnetGenerator"),
    "a generator, full": (lambda: make_generators(FULL)["target"], 278_959_808, "code networks.py ResnetGenerator"),
    "its first layer of style, full": (
        lambda: make_generators(FULL)["source"].style.first,
        268_435_456,
        "code networks.py FC: 64 * 64 * 256 inputs, 256 outputs",
    ),
    "a global discriminator": (lambda: make_discriminators(PAPER)["target"], 53_130_176, "code networks.py, 7 layers"),
    "a local discriminator": (
        lambda: make_discriminators(PAPER)["source_local"],
        3_290_560,
        "code networks.py, 5 layers",
    ),
}

DEFAULTS = {
    "lambda_adversarial": (1, "code main.py adv_weight"),
    "lambda_discriminator": (1, "code UGATIT.py D_loss_A: adv_weight times the sum, without a factor 1/2"),
    "lambda_cycle": (10, "code main.py cycle_weight"),
    "lambda_identity": (10, "code main.py identity_weight"),
    "lambda_cam": (1000, "code main.py cam_weight"),
    "gan_loss": ("lsgan", "code UGATIT.py MSE_loss"),
    "images_seen": (1_000_000, "code main.py iteration, at batch 1"),
    "batch_size": (1, "code main.py batch_size"),
    "lr": (1e-4, "code main.py lr"),
    "lr_discriminator": (None, "code UGATIT.py D_optim: the rate of the generators"),
    "betas": ((0.5, 0.999), "code UGATIT.py G_optim and D_optim"),
    "weight_decay": (1e-4, "code main.py weight_decay, in Adam's gradient"),
    "schedule": ("linear", "code UGATIT.py: the rate falls by lr / (iteration / 2) at each step"),
    "constant_share": (0.5, "code UGATIT.py: from iteration / 2 on"),
    "pool": (0, "code UGATIT.py: discriminators see the newest images"),
    "order": ("discriminator-first", "code UGATIT.py train"),
    "flip": (True, "code UGATIT.py RandomHorizontalFlip"),
    "filters": (64, "code main.py ch"),
    "blocks": (4, "code main.py n_res"),
    "discriminator_filters": (64, "code main.py ch"),
    "global_layers": (7, "code UGATIT.py disGA"),
    "local_layers": (5, "code UGATIT.py disLA"),
    "norm_eps": (1e-5, "code networks.py adaILN and ILN"),
}

OFF = ("instance_noise", "label_smoothing", "lambda_gradient_penalty", "ema")


@pytest.mark.parametrize("part", PARAMETERS)
def test_networks_have_as_many_parameters_as_the_authors(part):
    build, expected, source = PARAMETERS[part]
    with torch.device("meta"):
        assert count_parameters(build()) == expected, source


@pytest.mark.parametrize("option", DEFAULTS)
def test_defaults_are_those_of_the_paper(option):
    expected, source = DEFAULTS[option]
    assert getattr(PAPER, option) == expected, source


def test_what_the_paper_does_not_have_is_off():
    assert all(getattr(PAPER, option) == AdversarialOptions.model_fields[option].default == 0 for option in OFF)


def test_norms_start_where_the_authors_start_them():
    """code networks.py: adaILN fills rho with 0.9, ILN with 0.0; tensorflow ops.py: 1.0 - 0.1, and 0.0."""
    network = AttentionGenerator(2, 4)
    adaptive = [module for module in network.modules() if isinstance(module, AdaptiveLayerInstanceNorm)]
    plain = [module for module in network.modules() if isinstance(module, LayerInstanceNorm)]
    assert (len(adaptive), len(plain)) == (8, 2)
    assert all((module.rho == 0.9).all() for module in adaptive)
    assert all((module.rho == 0).all() for module in plain)


def test_weights_start_where_the_authors_start_them():
    """tensorflow ops.py weight_init: normal with deviation 0.02."""
    assert DEVIATION == 0.02


def test_every_convolution_of_a_discriminator_but_the_merging_one_is_bounded():
    """code networks.py Discriminator: spectral_norm around all but conv1x1."""
    for discriminator in make_discriminators(UGATITOptions(discriminator_filters=2)).values():
        free = [
            name
            for name, module in discriminator.named_modules()
            if isinstance(module, torch.nn.Conv2d) and not isinstance(module, SpectralConv)
        ]
        assert free == ["attention.merge"]
        assert discriminator.attention.spectral
