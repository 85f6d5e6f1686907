"""One step of pix2pix: what is computed, what is updated, in which order."""

import pytest
import torch
import torch.nn.functional as F

from bench_engine.optimizers import adam, wrap
from bench_pix2pix.model import Pix2PixModel, make_discriminators, make_generators
from benchmark.api.stage_context import StageContext


@pytest.fixture
def build(tmp_path, tiny):
    """A model, its optimizer wrappers and a batch."""

    def make(precision="fp32", seed=0, **changes):
        options = tiny(**changes)
        context = StageContext(folder=tmp_path, seed=seed, precision=precision)
        model = Pix2PixModel(make_generators(options), make_discriminators(options), options, context)
        parts = {"generators": model.generators, "discriminators": model.discriminators}
        wrapper = wrap({name: adam(part.parameters(), 2e-3, (0.5, 0.999)) for name, part in parts.items()}, context)
        draw = torch.Generator().manual_seed(1)
        return model, wrapper, {side: torch.rand(2, 3, 16, 16, generator=draw) * 2 - 1 for side in ("source", "target")}

    return make


def verdicts(model, batch):
    """Probabilities that the discriminator gives the true pairs and the translated ones."""
    discriminator_loss = model.discriminators["target"]
    fake = model.generators["target"](batch["source"])
    real = torch.cat([batch["source"], batch["target"]], dim=1)
    return (
        discriminator_loss(real).sigmoid(),
        discriminator_loss(torch.cat([batch["source"], fake], dim=1)).sigmoid(),
        fake,
    )


def test_losses_are_those_of_the_paper_computed_apart(build):
    model, wrapper, batch = build(order="generator-first")
    with torch.no_grad():
        real, fake, translated = verdicts(model, batch)
    expected = {
        "adversarial_target": -fake.log().mean(),
        "l1": (batch["target"] - translated).abs().mean(),
    }
    logged = model.train_step(batch, wrapper)
    for name, value in expected.items():
        torch.testing.assert_close(logged[name], value, msg=name)
    model, wrapper, batch = build(order="discriminator-first")
    logged = model.train_step(batch, wrapper)
    torch.testing.assert_close(logged["discriminator_target"], -real.log().mean() - (1 - fake).log().mean())


def test_the_generator_follows_the_gradient_of_the_weighted_sum(build):
    model, _, batch = build()
    terms = model.generator_losses(batch, model.generate(batch))
    total = torch.stack([term.weight * term.value for term in terms.values()]).sum()
    weights = list(model.generators.parameters())
    _, fake, translated = verdicts(model, batch)
    apart = -fake.log().mean() + 100 * (batch["target"] - translated).abs().mean()
    ours, expected = (torch.autograd.grad(loss, weights) for loss in (total, apart))
    for gradient, other in zip(ours, expected, strict=True):
        torch.testing.assert_close(gradient, other, atol=1e-5, rtol=1e-3)


def test_without_weight_the_true_image_does_not_guide(build):
    model, wrapper, batch = build(lambda_l1=0)
    assert "l1" not in model.train_step(batch, wrapper)


@pytest.mark.parametrize("side", ["source", "target"])
def test_the_discriminator_judges_the_pair_and_not_the_image_alone(build, side):
    model, _, batch = build()
    other = {**batch, side: batch[side].flip(-1)}
    assert not torch.allclose(verdicts(model, batch)[0], verdicts(model, other)[0], atol=1e-6)


def test_the_generator_is_judged_by_a_discriminator_that_was_updated_before(build):
    model, wrapper, batch = build()
    untouched, _, _ = build()
    with torch.no_grad():
        before = F.softplus(-verdicts(untouched, batch)[1].logit()).mean()
    after = model.train_step(batch, wrapper)["adversarial_target"]
    assert not torch.allclose(after, before, atol=1e-4)


def test_a_step_updates_both_sides(build):
    model, wrapper, batch = build()
    untouched, _, _ = build()
    model.train_step(batch, wrapper)
    for now, then in ((model.generators, untouched.generators), (model.discriminators, untouched.discriminators)):
        assert not all(torch.equal(a, b) for a, b in zip(now.parameters(), then.parameters(), strict=True))


def test_with_a_pool_whole_pairs_are_kept(build):
    model, wrapper, batch = build(pool=4)
    model.train_step(batch, wrapper)
    kept = model.training_state()["pools"]["target"]["images"]
    assert kept.shape == (4, 6, 16, 16)
    assert torch.equal(kept[:2, :3], batch["source"])


def test_losses_in_bf16_are_close_to_those_in_fp32(build):
    logged = {}
    for precision in ("fp32", "bf16"):
        model, wrapper, batch = build(precision)
        logged[precision] = model.train_step(batch, wrapper)
    for name in ("adversarial_target", "l1", "discriminator_target"):
        assert logged["bf16"][name].dtype is torch.float32
        torch.testing.assert_close(logged["bf16"][name], logged["fp32"][name], atol=0.02, rtol=0.03, msg=name)


@pytest.mark.parametrize("value", [-1.0, 1.0])
def test_constant_images_make_a_finite_step(build, value):
    model, wrapper, batch = build()
    logged = model.train_step({side: torch.full_like(images, value) for side, images in batch.items()}, wrapper)
    assert all(torch.isfinite(value) for value in logged.values())
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())
