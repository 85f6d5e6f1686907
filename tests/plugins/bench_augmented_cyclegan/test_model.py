"""One step of Augmented CycleGAN: what is computed, and what reaches which network."""

import pytest
import torch

LOSSES = {
    "adversarial_target",
    "adversarial_source",
    "adversarial_latent",
    "cycle_source",
    "cycle_target",
    "cycle_latent",
    "discriminator_target",
    "discriminator_source",
    "discriminator_latent",
}


def l1(first, second):
    return (first - second).abs().mean()


@torch.no_grad()
def expected_losses(model, batch):
    """Section 3 of the paper in the norms of the authors' code, each term on its own, before any update."""
    to_b, to_a, encode = (model.generators[name] for name in ("target", "source", "encoder"))
    judge_b, judge_a, judge_z = (model.discriminators[name] for name in ("target", "source", "latent"))
    a, b, z = batch["source"], batch["target"], batch["latent"]
    fake_b, fake_a = to_b(a, z), to_a(b)
    z_of_b = encode(fake_a, b)
    losses = {
        "cycle_source": l1(to_a(fake_b), a),
        "cycle_latent": l1(encode(a, fake_b), z),
        "cycle_target": l1(to_b(fake_a, z_of_b), b),
        "identity_source": l1(to_a(a), a),
        "identity_target": l1(to_b(b, z_of_b), b),
    }
    for name, discriminator_loss, real, fake in (
        ("target", judge_b, b, fake_b),
        ("source", judge_a, a, fake_a),
        ("latent", judge_z, z, z_of_b),
    ):
        losses[f"adversarial_{name}"] = (discriminator_loss(fake) - 1).square().mean()
        losses[f"discriminator_{name}"] = (discriminator_loss(real) - 1).square().mean() + discriminator_loss(
            fake
        ).square().mean()
    return losses


def test_losses_are_those_of_the_paper_computed_apart(build):
    model, wrapper, batch = build(lambda_identity=5.0, order="generator-first")
    # Discriminators come second in this order, and judge the images that were made before the update.
    expected = expected_losses(model, batch)
    logged = model.train_step(batch, wrapper)
    for name, value in expected.items():
        torch.testing.assert_close(logged[name], value, msg=name)


def test_the_generators_minimise_the_weighted_sum(build):
    model, _, batch = build(lambda_cycle=3.0, lambda_latent=0.7, lambda_identity=2.0, lambda_adversarial=0.4)
    terms = model.generator_losses(batch, model.generate(batch))
    weights = {name: term.weight for name, term in terms.items()}
    assert weights == {
        "adversarial_target": 0.4,
        "adversarial_source": 0.4,
        "adversarial_latent": 0.4,
        "cycle_source": 3.0,
        "cycle_target": 3.0,
        "cycle_latent": 0.7,
        "identity_target": 2.0,
        "identity_source": 2.0,
    }


def images_passed(build, weight):
    """Images that pass through each generator in a step with this weight of the identity loss, and what is logged."""
    model, wrapper, batch = build(lambda_identity=weight)
    passed = {"target": 0, "source": 0}
    for side in passed:

        def count(module, inputs, side=side):
            passed[side] += len(inputs[0])

        model.generators[side].register_forward_pre_hook(count)
    return passed, model.train_step(batch, wrapper)


def test_without_weight_the_identity_loss_is_not_computed(build):
    passed, logged = images_passed(build, 0.0)
    assert passed == {"target": 4, "source": 4}
    assert not any(name.startswith("identity") for name in logged)


def test_with_weight_the_identity_loss_costs_one_more_image_per_image_and_generator(build):
    passed, logged = images_passed(build, 5.0)
    assert passed == {"target": 6, "source": 6}
    assert {"identity_target", "identity_source"} <= set(logged)


def test_a_step_logs_every_loss_and_updates_every_network(build):
    model, wrapper, batch = build()
    networks = {
        **model.generators,
        **{f"judge of {name}": discriminator_loss for name, discriminator_loss in model.discriminators.items()},
    }
    before = {name: [p.detach().clone() for p in network.parameters()] for name, network in networks.items()}
    logged = model.train_step(batch, wrapper)
    assert set(logged) >= LOSSES
    for name, network in networks.items():
        assert any(not torch.equal(p, then) for p, then in zip(network.parameters(), before[name], strict=True)), name


def gradients(model, batch, term):
    """Which networks a term of the generators' loss moves."""
    model.zero_grad()
    model.generator_losses(batch, model.generate(batch))[term].value.backward()
    return {
        name
        for name, network in model.generators.items()
        if any(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())
    }


@pytest.mark.parametrize(
    ("term", "moved"),
    [
        ("adversarial_target", {"target"}),
        ("adversarial_source", {"source"}),
        ("adversarial_latent", {"encoder", "source"}),
        ("cycle_source", {"target", "source"}),
        ("cycle_target", {"target", "source", "encoder"}),
        ("cycle_latent", {"target", "encoder"}),
        ("identity_target", {"target", "encoder", "source"}),
        ("identity_source", {"source"}),
    ],
)
def test_a_loss_moves_the_networks_that_it_went_through(build, term, moved):
    model, _, batch = build(lambda_identity=1.0)
    assert gradients(model, batch, term) == moved


def test_the_latent_discriminator_is_shown_the_drawn_latents_as_real(build):
    model, _, batch = build()
    duel = model.discriminator_inputs(batch, model.generate(batch))["latent"]
    assert torch.equal(duel.real, batch["latent"])
    assert duel.fake.shape == duel.real.shape
    assert duel.fake.dtype is torch.float32


def test_losses_in_bf16_are_close_to_those_in_fp32(build):
    logged = {}
    for precision in ("fp32", "bf16"):
        model, wrapper, batch = build(precision, lambda_identity=5.0)
        logged[precision] = model.train_step(batch, wrapper)
        assert all(value.dtype is torch.float32 for value in logged[precision].values())
    # Before training, instance norms blow up the rounding of nearly constant features on the way back to the images.
    tolerance = {"gradient_norm_generators": 0.25}
    for name, exact in logged["fp32"].items():
        if name.startswith("accuracy"):
            continue
        assert float(logged["bf16"][name]) == pytest.approx(float(exact), rel=tolerance.get(name, 0.03), abs=0.03), name


@pytest.mark.parametrize("value", [-1.0, 1.0])
def test_constant_images_make_a_finite_step(build, value):
    model, wrapper, batch = build(lambda_identity=1.0)
    batch |= {side: torch.full_like(batch[side], value) for side in ("source", "target")}
    logged = model.train_step(batch, wrapper)
    assert all(torch.isfinite(value) for value in logged.values())
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())


def test_all_measures_against_instability_bear_latents(build):
    measures = {"discriminator_steps": 2, "instance_noise": 0.1, "label_smoothing": 0.1, "pool": 3}
    model, wrapper, batch = build(**measures, lambda_gradient_penalty=1.0, ema=0.9)
    model.start_averaging()
    for _ in range(4):
        logged = model.train_step(batch, wrapper)
    assert set(logged) >= LOSSES | {"penalty_latent"}
    assert all(torch.isfinite(value) for value in logged.values())
    assert model.training_state()["pools"]["latent"]["images"].shape == (3, 5)


def test_weights_depend_on_the_seed(build):
    first, second, other = (build(seed=seed)[0].state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    drawn = [name for name, value in first.items() if value.unique().numel() > 2]
    assert any(name.startswith("generators.encoder") for name in drawn)
    assert all(not torch.equal(first[name], other[name]) for name in drawn)
