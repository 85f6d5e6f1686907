"""What twelve steps of a tiny CycleGAN come to: a change of these numbers ages every published CycleGAN row.

Who changes them on purpose raises the plugin's version in registry.toml.
"""

import pytest
import torch

from bench_cyclegan.model import CycleGANModel, make_discriminators, make_generators
from bench_engine.optimizers import adam, wrap
from bench_gan.model import SIDES
from benchmark.api.stage_context import StageContext

AFTER_TWELVE_STEPS = {
    "accuracy_source": 0.864583,
    "accuracy_target": 0.6875,
    "adversarial_source": 0.473723,
    "adversarial_target": 0.448387,
    "cycle_source": 0.516448,
    "cycle_target": 0.513362,
    "discriminator_source": 0.284616,
    "discriminator_target": 0.397669,
    "gradient_norm_discriminators": 2.590828,
    "gradient_norm_generators": 25.505545,
    "identity_source": 0.515692,
    "identity_target": 0.516007,
}


def test_a_step_computes_what_it_always_did(tmp_path, tiny):
    options = tiny(images_seen=24, batch_size=2, lambda_identity=5.0)
    context = StageContext(folder=tmp_path, seed=0)
    model = CycleGANModel(make_generators(options), make_discriminators(options), options, context)
    sides = {"generators": model.generators, "discriminators": model.discriminators}
    wrapper = wrap({name: adam(side.parameters(), 2e-3, (0.5, 0.999)) for name, side in sides.items()}, context)
    draw = torch.Generator().manual_seed(1)
    for _ in range(12):
        logged = model.train_step({side: torch.rand(2, 3, 12, 16, generator=draw) * 2 - 1 for side in SIDES}, wrapper)
    assert {name: float(value) for name, value in logged.items()} == pytest.approx(AFTER_TWELVE_STEPS, rel=1e-3)
