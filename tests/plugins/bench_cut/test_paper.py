"""CUT and FastCUT as in the paper and its reference code, row by row.

Sources: the paper is Park et al. 2020, arXiv:2007.15651; files are those of taesungp/contrastive-unpaired-translation.
Parameter counts, features of layers 4, 8, 12 and 16, scores and PatchNCE of that code were also computed with it, on
the same weights, and agree with ours to float32 precision.
"""

import pytest
import torch

from bench_cut.model import CUTModel
from bench_cut.networks import FeatureGenerator, make_discriminators, make_generators
from bench_cut.options import CUTOptions, FastCUTOptions
from bench_gan.networks import count_parameters
from bench_gan.norm import InstanceNorm
from bench_gan.translator import SCHEDULES, optimizers
from benchmark.api.stage_context import StageContext

DEFAULTS = [
    # option, CUT, FastCUT, source
    ("filters", 64, 64, "options/base_options.py: ngf"),
    ("blocks", 9, 9, "options/base_options.py: netG resnet_9blocks"),
    ("downsamplings", 2, 2, "models/networks.py: ResnetGenerator"),
    ("antialias", True, True, "options/base_options.py: no_antialias is off"),
    ("upsampling", "bilinear", "bilinear", "models/networks.py: Upsample, the filter 1 3 3 1"),
    ("discriminator_filters", 64, 64, "options/base_options.py: ndf"),
    ("discriminator_layers", 3, 3, "options/base_options.py: netD basic"),
    ("init_gain", 0.02, 0.02, "options/base_options.py: init_type xavier, init_gain"),
    ("norm_eps", 1e-5, 1e-5, "models/networks.py: InstanceNorm2d, torch's default"),
    ("gan_loss", "lsgan", "lsgan", "options/train_options.py: gan_mode"),
    ("lambda_adversarial", 1.0, 1.0, "paper, equation 5"),
    ("lambda_discriminator", 0.5, 0.5, "models/cut_model.py: compute_D_loss"),
    ("lambda_nce", 1.0, 10.0, "paper, section 3: lambda_X"),
    ("lambda_nce_identity", 1.0, 0.0, "paper, section 3: lambda_Y"),
    ("flip_equivariance", False, True, "models/cut_model.py"),
    ("temperature", 0.07, 0.07, "models/cut_model.py: nce_T"),
    ("patches", 256, 256, "models/cut_model.py: num_patches"),
    ("head_width", 256, 256, "models/cut_model.py: netF_nc"),
    ("contrast_blocks", (1, 5), (1, 5), "models/cut_model.py: nce_layers 12 and 16"),
    ("order", "discriminator-first", "discriminator-first", "models/cut_model.py: optimize_parameters"),
    ("pool", 0, 0, "models/cut_model.py: pool_size"),
    ("batch_size", 1, 1, "options/base_options.py"),
    ("flip", True, True, "options/base_options.py: no_flip is off"),
    ("lr", 2e-4, 2e-4, "options/train_options.py"),
    ("lr_discriminator", None, None, "models/cut_model.py: one opt.lr"),
    ("betas", (0.5, 0.999), (0.5, 0.999), "options/train_options.py: beta1, beta2"),
    ("weight_decay", 0.0, 0.0, "models/cut_model.py"),
    ("schedule", "linear", "linear", "options/train_options.py: lr_policy"),
    ("constant_share", 200 / 400, 150 / 200, "options/train_options.py, models/cut_model.py: n_epochs"),
    ("images_seen", 400 * 1334, 200 * 1334, "the same; 1334 zebras: README of the code of arXiv:1806.02311"),
]


@pytest.mark.parametrize(("option", "cut", "fast", "source"), DEFAULTS, ids=[row[0] for row in DEFAULTS])
def test_a_default_is_that_of_the_paper_or_its_code(option, cut, fast, source):
    assert getattr(CUTOptions(), option) == cut, source
    assert getattr(FastCUTOptions(), option) == fast, source


PARAMETERS = {"generator": 11_378_179, "discriminator": 2_764_737, "heads": 560_384}
"""Counted in the networks that models/networks.py builds with its defaults."""


@pytest.fixture(scope="module")
def networks():
    with torch.device("meta"):
        generators, discriminators = make_generators(CUTOptions()), make_discriminators(CUTOptions())
    return {"generator": generators["target"], "heads": generators["heads"], "discriminator": discriminators["target"]}


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_network_has_the_parameters_of_the_reference_code(networks, name):
    assert count_parameters(networks[name]) == PARAMETERS[name]


FEATURES = [
    # channels, side at 64 x 64 pixels, receptive field: layers 0, 4, 8, 12, 16 of models/networks.py, ResnetGenerator
    (3, 64, 1),
    (128, 64, 9),
    (256, 32, 15),
    (256, 16, 35),
    (256, 16, 99),
]


def test_features_have_the_shapes_of_the_reference_codes_layers():
    with torch.no_grad():
        features = FeatureGenerator(CUTOptions()).features(torch.rand(1, 3, 64, 64))
    assert [(layer.shape[1], layer.shape[2]) for layer in features] == [row[:2] for row in FEATURES]


@pytest.mark.parametrize("number", range(5))
def test_features_see_as_much_as_the_reference_codes_layers(number):
    network = FeatureGenerator(CUTOptions(filters=2))
    for module in network.modules():  # instance norm sees the whole image; without it kernels alone are left
        if isinstance(module, InstanceNorm):
            module.forward = lambda features: features
        if isinstance(module, torch.nn.ReLU):
            module.forward = lambda features: features
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.constant_(module.weight, 0.1)
    pixels = torch.rand(1, 3, 144, 144).requires_grad_()
    layer = network.features(pixels)[number]
    layer[0, 0, layer.shape[2] // 2, layer.shape[3] // 2].backward()
    touched = pixels.grad[0].abs().sum(0) > 0
    assert (int(touched.any(0).sum()), int(touched.any(1).sum())) == (FEATURES[number][2],) * 2


def test_one_adam_trains_generator_and_heads_and_one_the_discriminator(tmp_path):
    options = CUTOptions(filters=2, discriminator_filters=2, head_width=2)
    context = StageContext(folder=tmp_path)
    model = CUTModel(make_generators(options), make_discriminators(options), options, context)
    generated = optimizers(model, options)
    for side, count in {"generators": model.generators, "discriminators": model.discriminators}.items():
        (group,) = generated[side].param_groups
        assert isinstance(generated[side], torch.optim.Adam)
        assert (group["lr"], group["betas"], group["weight_decay"]) == (2e-4, (0.5, 0.999), 0)
        assert sum(p.numel() for p in group["params"]) == count_parameters(count)


@pytest.mark.parametrize(("options", "falls"), [(CUTOptions(), 0.5), (FastCUTOptions(), 0.75)])
def test_the_rate_is_constant_and_then_falls_to_0(options, falls):
    factor = SCHEDULES[options.schedule](options.constant_share)
    assert factor(falls) == 1
    assert factor((1 + falls) / 2) == pytest.approx(0.5)
    assert factor(1 - 1e-9) == pytest.approx(0, abs=1e-6)
