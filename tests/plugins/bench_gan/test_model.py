"""The engine's measures against instability, on a game of one generator and one discriminator."""

import pytest
import torch
from torch import nn

from bench_engine.adversarial import gradient_penalty
from bench_engine.optimizers import wrap
from bench_gan.model import AdversarialModel, RealFakePair
from bench_gan.networks import PatchDiscriminator, initialize
from bench_gan.options import AdversarialOptions
from bench_gan.translator import optimizers
from benchmark.api.stage_context import StageContext

OFF = {"discriminator_steps": 1, "instance_noise": 0.0, "label_smoothing": 0.0, "lambda_gradient_penalty": 0.0}


class Shift(nn.Module):
    """Adds a colour."""

    def __init__(self):
        super().__init__()
        self.colour = nn.Parameter(torch.zeros(1, 3, 1, 1))

    def forward(self, images):
        return images + self.colour


class Game(AdversarialModel):
    """Shifts source images until they pass for target images."""

    def generate(self, data):
        return {"fake": self.generators["target"](data["source"])}

    def generator_losses(self, data, generated):
        return {"adversarial": self.adversarial("target", generated["fake"])}

    def discriminator_inputs(self, data, generated):
        return {"target": RealFakePair(data["target"], generated["fake"])}


@pytest.fixture
def build(tmp_path):
    def make(discriminator=None, **changes):
        options = AdversarialOptions(**{"images_seen": 8, "batch_size": 2, "pool": 2, "lr": 0.01, **changes})
        context = StageContext(folder=tmp_path, seed=0)
        discriminator_loss = discriminator or PatchDiscriminator(4, 1)
        initialize(discriminator_loss, torch.Generator().manual_seed(0), gain=0.2)
        model = Game(
            nn.ModuleDict({"target": Shift()}), nn.ModuleDict({"target": discriminator_loss}), options, context
        )
        model.start_averaging()
        return model, wrap(optimizers(model, options), context)

    return make


def batches(count):
    draw = torch.Generator().manual_seed(1)
    return [
        {side: torch.rand(2, 3, 12, 12, generator=draw) * 2 - 1 for side in ("source", "target")} for _ in range(count)
    ]


def colour(model):
    return model.generators["target"].colour.detach().clone()


def played(gan_loss, steps=4):
    model, wrapper = gan_loss
    return [{name: float(value) for name, value in model.train_step(data, wrapper).items()} for data in batches(steps)]


def test_all_measures_are_off_by_default(build):
    assert played(build()) == played(build(**OFF))


def test_with_more_discriminator_steps_the_generator_rests_in_between(build):
    model, wrapper = build(discriminator_steps=3)
    moved = []
    for data in batches(6):
        before = colour(model)
        model.train_step(data, wrapper)
        moved.append(not torch.equal(before, colour(model)))
    assert moved == [False, False, True, False, False, True]


def test_what_the_generator_lost_last_is_told_while_it_rests(build):
    told = played(build(discriminator_steps=2))
    assert "adversarial" not in told[0]
    assert told[1]["adversarial"] == told[2]["adversarial"]
    assert told[2]["adversarial"] != told[3]["adversarial"]


class Witness(nn.Module):
    """Remembers what it was shown."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))
        self.seen = []

    def forward(self, images):
        self.seen.append(images.detach().clone())
        return self.gain * images.mean((1, 2, 3))


def test_instance_noise_falls_linearly_to_zero(build):
    witness = Witness()
    model, wrapper = build(witness, instance_noise=0.5, images_seen=8, pool=0)
    deviations = []
    for data in batches(4):
        model.train_step(data, wrapper)
        deviations.append(float((witness.seen[-1][:2] - data["target"]).std()))
    assert deviations == pytest.approx([0.5, 0.375, 0.25, 0.125], rel=0.1)


def test_noise_goes_on_where_a_checkpoint_left_it(build):
    straight, broken = build(instance_noise=0.5), build(instance_noise=0.5)
    for data in batches(2):
        straight[0].train_step(data, straight[1])
        broken[0].train_step(data, broken[1])
    state = broken[0].training_state()
    resumed = build(instance_noise=0.5)[0]
    resumed.load_training_state(state)
    assert torch.equal(resumed._noisy(torch.zeros(4)), straight[0]._noisy(torch.zeros(4)))


def test_the_gradient_penalty_of_a_linear_discriminator_is_its_squared_slope():
    linear = nn.Linear(5, 1)
    penalty = gradient_penalty(linear, torch.rand(3, 5))
    torch.testing.assert_close(penalty, linear.weight.square().sum())
    penalty.backward()
    torch.testing.assert_close(linear.weight.grad, 2 * linear.weight.detach())


def test_the_gradient_penalty_of_a_patch_discriminator_agrees_with_finite_differences():
    network = PatchDiscriminator(4, 2).double()
    initialize(network, torch.Generator().manual_seed(0), gain=0.3)
    network = network.double()
    pixels = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(2)).double()
    weight = network.body[2].weight
    (slope,) = torch.autograd.grad(gradient_penalty(network, pixels), weight)
    step = torch.zeros_like(weight)
    step[1, 2, 1, 3] = 1e-4
    with torch.no_grad():
        weight += step
    up = gradient_penalty(network, pixels).detach()
    with torch.no_grad():
        weight -= 2 * step
    down = gradient_penalty(network, pixels).detach()
    # the penalty itself is taken in float32
    assert float((up - down) / 2e-4) == pytest.approx(float(slope[1, 2, 1, 3]), rel=0.05)


def test_a_penalty_is_logged_and_changes_the_discriminator(build):
    plain, penalised = played(build()), played(build(lambda_gradient_penalty=5.0))
    assert "penalty_target" not in plain[0]
    assert penalised[0]["penalty_target"] > 0
    assert penalised[1]["discriminator_target"] != plain[1]["discriminator_target"]


def test_the_average_of_the_generator_follows_it(build):
    model, wrapper = build(ema=0.9)
    expected = colour(model)
    for updates, data in enumerate(batches(4)):
        model.train_step(data, wrapper)
        decay = min(0.9, (1 + updates) / (10 + updates))
        expected = decay * expected + (1 - decay) * colour(model)
    torch.testing.assert_close(model.averaged["target"].colour, expected)
    assert not torch.equal(expected, colour(model))


def test_two_rates_move_the_two_sides_apart(build):
    _, wrapper = build(lr=0.01, lr_discriminator=0.03)
    assert wrapper["generators"].rates() == {"lr": 0.01}
    assert wrapper["discriminators"].rates() == {"lr": 0.03}


class TwoScores(PatchDiscriminator):
    """A discriminator that also judges the mean colour."""

    def forward(self, images):
        return super().forward(images), images.mean((2, 3))


def test_all_scores_of_a_discriminator_count(build):
    plain, double = played(build(), 1)[0], played(build(TwoScores(4, 1)), 1)[0]
    data = batches(1)[0]
    mean_target, mean_source = data["target"].mean((2, 3)), data["source"].mean((2, 3))
    extra = (mean_target - 1).square().mean() + mean_source.square().mean()
    assert double["adversarial"] == pytest.approx(plain["adversarial"] + float((mean_source - 1).square().mean()))
    assert double["discriminator_target"] == pytest.approx(plain["discriminator_target"] + float(extra), rel=0.05)


def test_a_condition_is_shown_beside_real_and_generated_images(tmp_path):
    class Conditional(Game):
        def generator_losses(self, data, generated):
            return {"adversarial": self.adversarial("target", generated["fake"], data["source"])}

        def discriminator_inputs(self, data, generated):
            return {"target": RealFakePair(data["target"], generated["fake"], condition=data["source"])}

    witness = Witness()
    options = AdversarialOptions(images_seen=8, batch_size=2, pool=0)
    context = StageContext(folder=tmp_path, seed=0)
    model = Conditional(nn.ModuleDict({"target": Shift()}), nn.ModuleDict({"target": witness}), options, context)
    data = batches(1)[0]
    model.train_step(data, wrap(optimizers(model, options), context))
    of_generator, of_both = witness.seen
    assert torch.equal(of_generator[:, :3], data["source"])
    assert torch.equal(of_both[:2], torch.cat([data["source"], data["target"]], 1))


def test_what_was_told_of_the_last_step_survives_a_resume(build):
    model, wrapper = build(discriminator_steps=2)
    for data in batches(2):
        model.train_step(data, wrapper)
    resumed, its_wrapper = build(discriminator_steps=2)
    resumed.load_training_state(model.training_state())
    assert "adversarial" in resumed.train_step(batches(1)[0], its_wrapper)
