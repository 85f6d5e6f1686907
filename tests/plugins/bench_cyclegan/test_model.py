"""One step of CycleGAN: what is computed, what is updated, in which order."""

import pytest
import torch

from bench_cyclegan.model import CycleGANModel, make_discriminators, make_generators
from bench_engine.optimizers import adam, wrap
from bench_gan.model import OTHER, SIDES
from benchmark.api.stage_context import StageContext


@pytest.fixture
def build(tmp_path, tiny):
    """A model, its optimizer wrappers and a batch."""

    def make(precision="fp32", seed=0, **changes):
        options = tiny(**changes)
        context = StageContext(folder=tmp_path, seed=seed, precision=precision)
        model = CycleGANModel(make_generators(options), make_discriminators(options), options, context)
        parts = {"generators": model.generators, "discriminators": model.discriminators}
        wrapper = wrap({name: adam(part.parameters(), 2e-4, (0.5, 0.999)) for name, part in parts.items()}, context)
        draw = torch.Generator().manual_seed(1)
        return model, wrapper, {side: torch.rand(2, 3, 12, 16, generator=draw) * 2 - 1 for side in SIDES}

    return make


def counted(model):
    """Images that pass through each generator from now on."""
    counts = dict.fromkeys(SIDES, 0)
    for side in SIDES:

        def count(module, inputs, side=side):
            counts[side] += len(inputs[0])

        model.generators[side].register_forward_pre_hook(count)
    return counts


def snapshot(module):
    return [parameter.detach().clone() for parameter in module.parameters()]


def changed(module, before):
    return any(not torch.equal(now, then) for now, then in zip(module.parameters(), before, strict=True))


def test_without_weight_the_identity_loss_is_not_computed(build):
    model, wrapper, batch = build()
    counts = counted(model)
    logged = model.train_step(batch, wrapper)
    assert counts == {"target": 4, "source": 4}
    assert not any(name.startswith("identity") for name in logged)


def test_with_weight_the_identity_loss_costs_one_more_image_per_image_and_generator(build):
    model, wrapper, batch = build(lambda_identity=5.0)
    counts = counted(model)
    logged = model.train_step(batch, wrapper)
    assert counts == {"target": 6, "source": 6}
    for side in SIDES:
        assert 0 < float(logged[f"identity_{side}"]) < 2


def test_losses_are_those_of_the_paper_computed_apart(build):
    model, wrapper, batch = build(lambda_identity=5.0)
    with torch.no_grad():
        expected = {}
        fakes = {side: model.generators[side](batch[OTHER[side]]) for side in SIDES}
        for side in SIDES:
            discriminator_loss = model.discriminators[side]
            expected[f"adversarial_{side}"] = (discriminator_loss(fakes[side]) - 1).square().mean()
            expected[f"cycle_{side}"] = (model.generators[side](fakes[OTHER[side]]) - batch[side]).abs().mean()
            expected[f"identity_{side}"] = (model.generators[side](batch[side]) - batch[side]).abs().mean()
            expected[f"discriminator_{side}"] = (
                discriminator_loss(batch[side]) - 1
            ).square().mean() + discriminator_loss(fakes[side]).square().mean()
    logged = model.train_step(batch, wrapper)
    for name, value in expected.items():
        torch.testing.assert_close(logged[name], value, msg=name)


@pytest.mark.parametrize("order", ["generator-first", "discriminator-first"])
def test_the_first_side_sees_the_other_as_it_was_before_the_step(build, order):
    model, wrapper, batch = build(order=order)
    expected, _, _ = build(order=order)
    logged = model.train_step(batch, wrapper)
    with torch.no_grad():
        fake = expected.generators["target"](batch["source"])
        before = (expected.discriminators["target"](fake) - 1).square().mean()
    same = torch.allclose(logged["adversarial_target"], before, atol=1e-7)
    assert same == (order == "generator-first")


@pytest.mark.parametrize("order", ["generator-first", "discriminator-first"])
def test_a_step_updates_all_four_networks(build, order):
    model, wrapper, batch = build(order=order)
    networks = [*model.generators.values(), *model.discriminators.values()]
    before = [snapshot(network) for network in networks]
    model.train_step(batch, wrapper)
    assert all(changed(network, then) for network, then in zip(networks, before, strict=True))


def test_generators_are_updated_without_gradients_in_the_discriminators(build):
    model, wrapper, batch = build()
    seen = []
    step = wrapper["generators"].step
    wrapper["generators"].step = lambda: (seen.append([p.grad for p in model.discriminators.parameters()]), step())
    model.train_step(batch, wrapper)
    assert seen
    assert all(gradient is None for gradient in seen[0])
    assert all(p.requires_grad for p in model.discriminators.parameters())


def test_discriminators_are_updated_without_gradients_in_the_generators(build):
    model, wrapper, batch = build()
    seen = []
    step = wrapper["discriminators"].step
    wrapper["discriminators"].step = lambda: (seen.append([p.grad for p in model.generators.parameters()]), step())
    model.train_step(batch, wrapper)
    assert all(gradient is None for gradient in seen[0])


def test_discriminators_are_shown_images_from_the_pool(build):
    model, wrapper, batch = build(pool=2)
    for _ in range(6):
        model.train_step(batch, wrapper)
    state = model.training_state()["pools"]
    assert state["target"]["filled"] == 2
    assert not torch.equal(state["target"]["images"], state["source"]["images"])


def test_losses_in_bf16_are_close_to_those_in_fp32(build):
    logged = {}
    for precision in ("fp32", "bf16"):
        model, wrapper, batch = build(precision, lambda_identity=5.0)
        logged[precision] = model.train_step(batch, wrapper)
        assert all(value.dtype is torch.float32 for value in logged[precision].values())
    for name in logged["fp32"]:
        if not name.startswith("accuracy"):
            torch.testing.assert_close(logged["bf16"][name], logged["fp32"][name], atol=0.02, rtol=0.03, msg=name)


@pytest.mark.parametrize("value", [-1.0, 1.0])
def test_constant_images_make_a_finite_step(build, value):
    model, wrapper, batch = build(lambda_identity=1.0)
    logged = model.train_step({side: torch.full_like(images, value) for side, images in batch.items()}, wrapper)
    assert all(torch.isfinite(value) for value in logged.values())
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())


def test_weights_depend_on_the_seed(build):
    first, second, other = (build(seed=seed)[0] for seed in (0, 0, 1))
    assert not changed(first, snapshot(second))
    assert changed(first, snapshot(other))
