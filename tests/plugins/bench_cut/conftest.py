"""Tiny options and a model of them, with its optimizers and a batch."""

import pytest
import torch

from bench_cut.model import CUTModel
from bench_cut.networks import make_discriminators, make_generators
from bench_cut.options import CUTOptions, FastCUTOptions
from bench_engine.optimizers import wrap
from bench_gan.translator import optimizers
from benchmark.api.stage_context import StageContext

TINY = {
    "filters": 4,
    "blocks": 2,
    "contrast_blocks": (1, 2),
    "patches": 12,
    "head_width": 6,
    "init_gain": 1.0,
    "discriminator_filters": 4,
    "discriminator_layers": 1,
    "images_seen": 8,
    "checkpoint_every": 3,
    "log_every": 1,
}


@pytest.fixture
def tiny():
    """Options of CUT, changed by keywords."""

    def make(fast=False, **changes):
        return (FastCUTOptions if fast else CUTOptions)(**{**TINY, **changes})

    return make


@pytest.fixture
def build(tmp_path, tiny):
    """A model, its optimizer wrappers and a batch."""

    def make(precision="fp32", seed=0, size=(16, 24), **changes):
        options = tiny(**changes)
        context = StageContext(folder=tmp_path, seed=seed, precision=precision)
        model = CUTModel(make_generators(options), make_discriminators(options), options, context)
        draw = torch.Generator().manual_seed(1)
        batch = {side: torch.rand(2, 3, *size, generator=draw) * 2 - 1 for side in ("source", "target")}
        return model, wrap(optimizers(model, options), context), batch

    return make
