"""Schedules at their first, middle and last step."""

import math

import pytest
import torch
from torch import nn

from bench_engine.schedules import cosine, ending_at, linear, poly, warmed_up


def rates(factor, steps, lr=2.0):
    return [lr * factor(step / steps) for step in range(steps)]


def test_linear_is_constant_then_falls_to_zero():
    seen = rates(linear(0.5), 100)
    assert seen[0] == seen[50] == 2.0
    assert seen[75] == pytest.approx(1.0)
    assert seen[99] == pytest.approx(2.0 / 50)
    assert linear(0.5)(1.0) == 0


def test_linear_matches_torch_lambda_of_the_cyclegan_paper():
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=2.0)
    reference = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - max(0, step - 100) / 100)
    ours = rates(linear(0.5), 200)
    for step in range(200):
        assert ours[step] == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        reference.step()


def test_cosine_matches_torch():
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=2.0)
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=60)
    ours = rates(cosine(), 60)
    for step in range(60):
        assert ours[step] == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        reference.step()


def test_poly_at_first_middle_and_last_step():
    seen = rates(poly(0.9), 10)
    assert seen[0] == 2.0
    assert seen[5] == pytest.approx(2 * 0.5**0.9)
    assert seen[9] == pytest.approx(2 * 0.1**0.9)


def test_poly_with_an_end_is_that_of_mmsegmentations_schedules():
    from mmengine.optim import PolyLR

    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.01)
    reference = PolyLR(optimizer, eta_min=1e-4, power=0.9, begin=0, end=101, by_epoch=False)
    seen = rates(ending_at(poly(0.9), 0.01), 100, lr=0.01)
    for step in range(100):
        assert seen[step] == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        optimizer.step()
        reference.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(1e-4)


@pytest.mark.parametrize("factor", [poly(), cosine()])
def test_an_end_of_0_leaves_a_schedule_as_it_is(factor):
    assert [ending_at(factor, 0.0)(step / 50) for step in range(50)] == [factor(step / 50) for step in range(50)]


def test_a_warm_up_rises_from_zero_and_leaves_the_rest_alone():
    factor = warmed_up(cosine(), 0.1)
    assert factor(0.0) == 0
    assert factor(0.05) == pytest.approx(0.5 * cosine()(0.05))
    assert factor(0.4) == cosine()(0.4)


def test_a_cosine_after_a_constant_part_ends_at_zero():
    factor = cosine(0.5)
    assert factor(0.3) == 1
    assert factor(0.75) == pytest.approx(0.5)
    assert math.isclose(factor(1.0), 0, abs_tol=1e-12)
