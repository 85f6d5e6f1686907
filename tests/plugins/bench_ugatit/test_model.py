"""One step of U-GAT-IT: what is computed, what is updated, in which order."""

import pytest
import torch
import torch.nn.functional as F

from bench_engine.optimizers import adam, wrap
from bench_gan.model import OTHER, SIDES
from bench_ugatit.model import UGATITModel, domain_loss, make_discriminators, make_generators
from benchmark.api.stage_context import StageContext


@pytest.fixture
def build(tmp_path, tiny):
    """A model, its optimizer wrappers and a batch."""

    def make(precision="fp32", seed=0, lr=1e-4, **changes):
        options = tiny(**changes)
        context = StageContext(folder=tmp_path, seed=seed, precision=precision)
        model = UGATITModel(make_generators(options), make_discriminators(options), options, context)
        parts = {"generators": model.generators, "discriminators": model.discriminators}
        wrapper = wrap({name: adam(part.parameters(), lr, (0.5, 0.999)) for name, part in parts.items()}, context)
        draw = torch.Generator().manual_seed(1)
        return model, wrapper, {side: torch.rand(2, 3, 12, 16, generator=draw) * 2 - 1 for side in SIDES}

    return make


def snapshot(module):
    return [parameter.detach().clone() for parameter in module.parameters()]


def changed(module, before):
    return any(not torch.equal(now, then) for now, then in zip(module.parameters(), before, strict=True))


def squared_distance(scores, goal):
    return sum((score - goal).square().mean() for score in scores)


def expected_losses(model, batch):
    """All losses of a generator-first step, image set by image set, from their definitions."""
    with torch.no_grad():
        found, generators = {}, model.generators
        fakes = {side: generators[side](batch[OTHER[side]]) for side in SIDES}
        for side in SIDES:
            own, other = batch[side], batch[OTHER[side]]
            found[f"cycle_{side}"] = (generators[side](fakes[OTHER[side]]) - own).abs().mean()
            found[f"identity_{side}"] = (generators[side](own) - own).abs().mean()
            from_other, from_own = generators[side].attend(other)[1], generators[side].attend(own)[1]
            found[f"cam_{side}"] = F.binary_cross_entropy(from_other.sigmoid(), torch.ones(2, 2))
            found[f"cam_{side}"] += F.binary_cross_entropy(from_own.sigmoid(), torch.zeros(2, 2))
    return found, fakes


def test_cycle_identity_and_domain_losses_are_those_of_their_definitions(build):
    model, wrapper, batch = build()
    expected, _ = expected_losses(model, batch)
    logged = model.train_step(batch, wrapper)
    for name, value in expected.items():
        torch.testing.assert_close(logged[name], value, msg=name)


def test_all_four_discriminators_are_judged_by_scores_and_by_their_classifiers(build):
    model, wrapper, batch = build(order="generator-first")
    _, fakes = expected_losses(model, batch)
    judges = {name: build()[0].discriminators[name] for name in model.discriminators}
    logged = model.train_step(batch, wrapper)
    assert set(judges) == {"target", "target_local", "source", "source_local"}
    with torch.no_grad():
        for name, discriminator_loss in judges.items():
            fake, real = fakes[name.removesuffix("_local")], batch[name.removesuffix("_local")]
            scores, logits = discriminator_loss(fake)  # the first step of power iteration, as in the generators' update
            torch.testing.assert_close(logged[f"adversarial_{name}"], squared_distance((scores, logits), 1), msg=name)
            shown = discriminator_loss(torch.cat([real, fake]))  # and the second
            of_real, of_fake = zip(*(score.split(2) for score in shown), strict=True)
            expected = squared_distance(of_real, 1) + squared_distance(of_fake, 0)
            torch.testing.assert_close(logged[f"discriminator_{name}"], expected, msg=name)


def test_generators_minimise_the_weighted_sum_of_the_paper(build):
    model, _, batch = build()
    terms = model.generator_losses(batch, model.generate(batch))
    weights = {name.split("_")[0]: term.weight for name, term in terms.items()}
    assert weights == {"adversarial": 1, "cycle": 10, "identity": 10, "cam": 1000}
    assert len(terms) == 4 + 3 * 2


def test_the_domain_loss_is_a_cross_entropy_for_either_domain():
    first, second = torch.tensor([[1.0, -2.0]]), torch.tensor([[0.5, 3.0], [0.0, -1.0]])
    expected = F.binary_cross_entropy_with_logits(first, torch.ones(1, 2))
    expected += F.binary_cross_entropy_with_logits(second, torch.zeros(2, 2))
    torch.testing.assert_close(domain_loss(first, second), expected)


@pytest.mark.parametrize(
    ("weights", "attended", "decoded"),
    [({}, 6, 6), ({"lambda_identity": 0}, 6, 4), ({"lambda_identity": 0, "lambda_cam": 0}, 4, 4)],
)
def test_what_no_loss_asks_for_is_not_computed(build, monkeypatch, weights, attended, decoded):
    model, wrapper, batch = build(**weights)
    counts = {"attend": 0, "decode": 0}
    generator = model.generators["target"]
    for name in counts:

        def counting(images, *rest, name=name):
            counts[name] += len(images)
            return getattr(type(generator), name)(generator, images, *rest)

        monkeypatch.setattr(generator, name, counting)
    logged = model.train_step(batch, wrapper)
    assert counts == {"attend": attended, "decode": decoded}
    assert any(name.startswith("identity") for name in logged) == ("lambda_identity" not in weights)
    assert any(name.startswith("cam") for name in logged) == ("lambda_cam" not in weights)


def test_a_step_updates_all_six_networks(build):
    model, wrapper, batch = build()
    networks = [*model.generators.values(), *model.discriminators.values()]
    before = [snapshot(network) for network in networks]
    model.train_step(batch, wrapper)
    assert len(networks) == 6
    assert all(changed(network, then) for network, then in zip(networks, before, strict=True))


def test_every_parameter_of_the_generators_is_trained(build):
    model, wrapper, batch = build()
    before = dict(model.generators.named_parameters())
    before = {name: parameter.detach().clone() for name, parameter in before.items()}
    model.train_step(batch, wrapper)
    unmoved = [name for name, now in model.generators.named_parameters() if torch.equal(now, before[name])]
    # Layer norm alone (rho 0) cannot be left downwards; some rho are pushed that way and clipped.
    assert [name for name in unmoved if not name.endswith("rho")] == []


def test_after_each_step_all_mixtures_lie_between_zero_and_one(build):
    model, wrapper, batch = build(lr=0.3)
    for _ in range(3):
        model.train_step(batch, wrapper)
    mixtures = torch.cat([p for name, p in model.generators.named_parameters() if name.endswith("rho")]).detach()
    assert 0 <= mixtures.min() < mixtures.max() <= 1
    assert ((mixtures == 0) | (mixtures == 1)).any()


def test_discriminators_are_updated_without_gradients_in_the_generators(build):
    model, wrapper, batch = build()
    seen = []
    step = wrapper["discriminators"].step
    wrapper["discriminators"].step = lambda: (seen.append([p.grad for p in model.generators.parameters()]), step())
    model.train_step(batch, wrapper)
    assert seen
    assert all(gradient is None for gradient in seen[0])


def test_losses_in_bf16_are_close_to_those_in_fp32(build):
    logged = {}
    for precision in ("fp32", "bf16"):
        model, wrapper, batch = build(precision)
        logged[precision] = model.train_step(batch, wrapper)
        assert all(value.dtype is torch.float32 for value in logged[precision].values())
    for name in logged["fp32"]:
        if not name.startswith("accuracy"):
            torch.testing.assert_close(logged["bf16"][name], logged["fp32"][name], atol=0.02, rtol=0.03, msg=name)


@pytest.mark.parametrize("value", [-1.0, 1.0])
def test_constant_images_make_a_finite_step(build, value):
    model, wrapper, batch = build()
    logged = model.train_step({side: torch.full_like(images, value) for side, images in batch.items()}, wrapper)
    assert all(torch.isfinite(value) for value in logged.values())
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())


def test_weights_depend_on_the_seed(build):
    first, second, other = (build(seed=seed)[0] for seed in (0, 0, 1))
    assert not changed(first, snapshot(second))
    assert changed(first, snapshot(other))


@pytest.mark.parametrize("option", ["lambda_gradient_penalty", "instance_noise", "label_smoothing", "ema"])
def test_measures_against_instability_work_with_two_scores(build, option):
    model, wrapper, batch = build(**{option: 0.1})
    model.start_averaging()
    logged = model.train_step(batch, wrapper)
    assert all(torch.isfinite(value) for value in logged.values())
