"""The order of images is a pure function of seed and step."""

from collections import Counter

import pytest
import torch

from bench_engine.data import EpochOrder, choice, step_generator
from benchmark.api.stage_context import StageContext


def test_each_epoch_sees_each_image_once():
    order = EpochOrder(10, seed=1)
    seen = [index for step in range(5) for index in order.indices(step, 4)]
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))
    assert seen[:10] != seen[10:]


def test_a_step_does_not_depend_on_earlier_steps():
    forward = [EpochOrder(7, seed=3).positions(step, 3) for step in range(20)]
    backward = [EpochOrder(7, seed=3).positions(step, 3) for step in reversed(range(20))]
    assert forward == backward[::-1]


def test_orders_differ_by_seed_and_purpose():
    orders = {
        tuple(EpochOrder(50, seed, purpose).indices(0, 50)) for seed in (0, 1) for purpose in ("source", "target")
    }
    assert len(orders) == 4


@pytest.mark.parametrize("purpose", ["source", "order", "variant", "segmenter:augment"])
def test_an_order_and_the_draws_of_a_step_of_one_purpose_have_other_seeds(tmp_path, purpose, seeds):
    context = StageContext(tmp_path, seed=271)
    for number in range(20):
        EpochOrder(2, context.seed, purpose).at(2 * number)
        step_generator(context, number, purpose)
    assert len(seeds) == len(set(seeds)) == 40


def test_positions_name_the_epoch():
    assert [epoch for epoch, _ in EpochOrder(3, seed=0).positions(1, 2)] == [0, 1]


def test_variants_are_drawn_anew_in_each_epoch_and_evenly():
    drawn = [choice(0, epoch, 5, 3) for epoch in range(600)]
    assert drawn == [choice(0, epoch, 5, 3) for epoch in range(600)]
    assert min(Counter(drawn)[variant] for variant in range(3)) > 150


def test_the_generator_of_a_step_is_its_own(tmp_path):
    context = StageContext(tmp_path, seed=4)
    first = torch.rand(3, generator=step_generator(context, 5, "flip"))
    assert torch.equal(first, torch.rand(3, generator=step_generator(context, 5, "flip")))
    assert not torch.equal(first, torch.rand(3, generator=step_generator(context, 6, "flip")))
    assert not torch.equal(first, torch.rand(3, generator=step_generator(context, 5, "crop")))
