"""The defaults are the authors': each figure of the paper or of their code, with its place, against ours.

The code is github.com/aalmah/augmented_cyclegan at f1dc511, folder edges2shoes_exp. Numbers of parameters were counted
by building its networks with its default options.
"""

import pytest
import torch

from bench_augmented_cyclegan.model import AugmentedCycleGANModel, make_discriminators, make_generators
from bench_augmented_cyclegan.networks import AffineInstanceNorm, Block, ConditionalInstanceNorm
from bench_augmented_cyclegan.options import AugmentedCycleGANOptions
from bench_augmented_cyclegan.translator import AugmentedCycleGAN
from bench_gan.networks import count_parameters
from bench_gan.translator import optimizers
from benchmark.api.stage_context import StageContext

DEFAULTS = [
    ("latent_size", 16, "options.py, --nlatent"),
    ("batch_size", 32, "options.py, --batchSize"),
    ("lr", 2e-4, "options.py, --lr"),
    ("lr_discriminator", 2e-4 / 5, "model.py, optimizer_D_A and optimizer_D_B: lr / 5"),
    ("betas", (0.5, 0.999), "options.py, --beta1; model.py, the optimizers"),
    ("weight_decay", 0, "model.py, the optimizers"),
    ("schedule", "linear", "model.py, update_learning_rate"),
    ("constant_share", 25 / (25 + 25), "options.py, --niter and --niter_decay"),
    ("gan_loss", "lsgan", "options.py, --no_lsgan is off"),
    ("lambda_adversarial", 1, "model.py, train_instance: loss_G"),
    ("lambda_discriminator", 0.5, "model.py, train_instance: loss_D_A"),
    ("lambda_cycle", 1, "options.py, --lambda_A and --lambda_B"),
    ("lambda_latent", 0.025, "options.py, --lambda_z_B"),
    ("lambda_identity", 0, "model.py, train_instance has none"),
    ("order", "discriminator-first", "model.py, train_instance"),
    ("pool", 0, "model.py, train_instance has none"),
    ("clip_norm", 500, "options.py, --max_gnorm"),
    ("flip", False, "edges2shoes_data.py, get_transform"),
    ("filters", 32, "options.py, --ngf"),
    ("encoder_filters", 32, "options.py, --nef"),
    ("discriminator_filters", 64, "options.py, --ndf"),
    ("latent_discriminator_filters", 64, "options.py, --ndf"),
    ("source_discriminator_filters", 32, "model.py, define_D_A: ndf=32"),
    ("source_discriminator_layers", 4, "networks.py, Discriminator_edges"),
    ("downsamplings", 1, "networks.py, CINResnetGenerator: one stride of 2"),
    ("blocks", 3, "networks.py, CINResnetGenerator: range(3)"),
    ("norm_eps", 1e-5, "modules.py, InstanceNorm and CondInstanceNorm"),
    ("initial_scale", 0, "modules.py, InstanceNorm.reset_parameters; networks.py, weights_init"),
    ("initial_latent_weight", 0.02, "networks.py, weights_init"),
]

ENCODER_WITH_4X4_CONVOLUTION_AND_VARIANCES = 1_447_040
ONE_INSTEAD_OF_16_PIXELS = 256 * 256 * 15
VARIANCES = 256 * 16 + 16

PARAMETERS = [
    ("target", 1_104_259, "CINResnetGenerator"),
    ("source", 1_080_963, "ResnetGenerator"),
    (
        "encoder",
        ENCODER_WITH_4X4_CONVOLUTION_AND_VARIANCES - ONE_INSTEAD_OF_16_PIXELS - VARIANCES,
        "LatentEncoder, less what the translator's docstring takes from it",
    ),
    ("judge of target", 1_713_089, "Discriminator"),
    ("judge of source", 243_521, "Discriminator_edges"),
    ("judge of latent", 9_857, "DiscriminatorLatent"),
]


@pytest.fixture(scope="module")
def networks():
    options = AugmentedCycleGANOptions()
    judges = {
        f"judge of {name}": discriminator_loss for name, discriminator_loss in make_discriminators(options).items()
    }
    return {**make_generators(options), **judges}


@pytest.mark.parametrize(("option", "value", "place"), DEFAULTS)
def test_a_default_is_that_of_the_authors_code(option, value, place):
    assert getattr(AugmentedCycleGANOptions(), option) == pytest.approx(value), place


@pytest.mark.parametrize(("name", "count", "place"), PARAMETERS)
def test_a_network_has_as_many_parameters_as_that_of_the_authors_code(networks, name, count, place):
    assert count_parameters(networks[name]) == count, place


def test_one_norm_of_each_layer_takes_the_latent_and_one_of_each_block(networks):
    conditional = [module for module in networks["target"].modules() if isinstance(module, ConditionalInstanceNorm)]
    # networks.py, CINResnetGenerator: three layers before the blocks, two after, and the first of either norm in each.
    assert len(conditional) == 3 + 3 + 2
    blocks = [module for module in networks["target"].modules() if isinstance(module, Block)]
    assert len(blocks) == 3
    assert all(isinstance(block.last, AffineInstanceNorm) for block in blocks)


def test_64_pixels_have_one_score_from_the_source_and_13_x_13_from_the_target_discriminator(networks):
    images = torch.zeros(1, 3, 64, 64)
    assert networks["judge of source"](images).shape == (1, 1, 1, 1)
    assert networks["judge of target"](images).shape == (1, 1, 13, 13)


def test_rates_keep_their_ratio_of_five(tmp_path):
    options = AugmentedCycleGANOptions()
    model = AugmentedCycleGANModel(
        make_generators(options), make_discriminators(options), options, StageContext(tmp_path, 0)
    )
    rates = {side: one.param_groups[0]["lr"] for side, one in optimizers(model, options).items()}
    assert rates["generators"] / rates["discriminators"] == pytest.approx(5)


def test_gradients_are_clipped_at_the_norm_of_the_options():
    assert AugmentedCycleGAN(AugmentedCycleGANOptions(filters=4, blocks=0, clip_norm=7)).clip_norm == 7
