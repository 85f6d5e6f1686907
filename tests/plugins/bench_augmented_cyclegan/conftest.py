"""An Augmented CycleGAN that trains in a blink, its models and batches."""

import pytest
import torch

from bench_augmented_cyclegan.model import AugmentedCycleGANModel, make_discriminators, make_generators
from bench_augmented_cyclegan.options import AugmentedCycleGANOptions
from bench_engine.optimizers import wrap
from bench_gan.translator import optimizers
from benchmark.api.stage_context import StageContext

TINY = {
    "filters": 4,
    "blocks": 1,
    "encoder_filters": 4,
    "discriminator_filters": 4,
    "source_discriminator_filters": 4,
    "source_discriminator_layers": 1,
    "latent_discriminator_filters": 8,
    "latent_size": 5,
    "variants": 3,
    "initial_scale": 1,
    "initial_latent_weight": 0.1,
    "batch_size": 2,
    "images_seen": 16,
    "checkpoint_every": 3,
    "log_every": 1,
}


@pytest.fixture
def tiny():
    """Options, changed by keywords."""

    def make(**changes):
        return AugmentedCycleGANOptions(**{**TINY, **changes})

    return make


@pytest.fixture
def build(tmp_path, tiny):
    """A model, its optimizer wrappers and a batch."""

    def make(precision="fp32", seed=0, **changes):
        options = tiny(**changes)
        context = StageContext(folder=tmp_path, seed=seed, precision=precision)
        model = AugmentedCycleGANModel(make_generators(options), make_discriminators(options), options, context)
        draw = torch.Generator().manual_seed(1)
        batch = {side: torch.rand(2, 3, 16, 20, generator=draw) * 2 - 1 for side in ("source", "target")}
        batch["latent"] = torch.randn(2, options.latent_size, generator=draw)
        return model, wrap(optimizers(model, options), context), batch

    return make
