"""A guarded step is the optimizer's own, or none at all."""

import pytest
import torch
from torch import nn

from bench_engine.optimizers import GuardedOptimizer, adam, adamw, sgd, wrap
from benchmark.api.stage_context import StageContext

BUILD = {
    "adam": lambda p: adam(p, 0.1, (0.5, 0.999)),
    "adamw": lambda p: adamw(p, 0.1, 0.01),
    "sgd": lambda p: sgd(p, 0.1, 0.01),
    "unfused": lambda p: torch.optim.RMSprop(p, 0.1),
}
REFERENCE = {
    "adam": lambda p: torch.optim.Adam(p, 0.1, (0.5, 0.999)),
    "adamw": lambda p: torch.optim.AdamW(p, 0.1, weight_decay=0.01),
    "sgd": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.01),
    "unfused": lambda p: torch.optim.RMSprop(p, 0.1),
}


def weight():
    return nn.Parameter(torch.tensor([3.0, -4.0]))


@pytest.mark.parametrize("name", BUILD)
def test_finite_steps_are_those_of_torch(tmp_path, name):
    ours, theirs = weight(), weight()
    guarded, optimizer = GuardedOptimizer(BUILD[name]([ours]), StageContext(tmp_path)), REFERENCE[name]([theirs])
    for _ in range(3):
        guarded.update(ours.pow(2).sum())
        optimizer.zero_grad()
        theirs.pow(2).sum().backward()
        optimizer.step()
    torch.testing.assert_close(ours, theirs)
    assert not guarded.bad


@pytest.mark.parametrize("name", BUILD)
@pytest.mark.parametrize("loss", [lambda w: w.sum() * float("inf"), lambda w: (w * 0).abs().sqrt().sum()])
def test_neither_a_bad_loss_nor_a_bad_gradient_enters_a_step(tmp_path, name, loss):
    parameter = weight()
    guarded = GuardedOptimizer(BUILD[name]([parameter]), StageContext(tmp_path))
    guarded.update(loss(parameter))
    assert guarded.bad
    assert parameter.tolist() == [3.0, -4.0]


@pytest.mark.parametrize("name", BUILD)
def test_a_skipped_step_leaves_no_trace_in_the_optimizer(tmp_path, name):
    ours, theirs = weight(), weight()
    guarded, optimizer = GuardedOptimizer(BUILD[name]([ours]), StageContext(tmp_path)), REFERENCE[name]([theirs])
    for scale in (1.0, float("nan"), 1.0):
        guarded.clear()
        guarded.update(ours.pow(2).sum() * scale)
        if scale == 1:
            optimizer.zero_grad()
            theirs.pow(2).sum().backward()
            optimizer.step()
    torch.testing.assert_close(ours, theirs)


def test_the_gradient_is_clipped_as_torch_does(tmp_path):
    ours, theirs = weight(), weight()
    GuardedOptimizer(sgd([ours], 0.1, 0.0), StageContext(tmp_path), clip_norm=0.5).update(ours.pow(2).sum())
    theirs.pow(2).sum().backward()
    torch.nn.utils.clip_grad_norm_([theirs], 0.5)
    torch.optim.SGD([theirs], 0.1, momentum=0.9).step()
    torch.testing.assert_close(ours, theirs)


def test_the_norm_of_all_gradients_is_kept_before_clipping(tmp_path):
    guarded = GuardedOptimizer(sgd([weight(), weight()], 0.1, 0.0), StageContext(tmp_path), clip_norm=1.0)
    first, second = guarded.optimizer.param_groups[0]["params"]
    guarded.update((first * torch.tensor([2.0, 3.0])).sum() + 6 * second.sum())
    assert float(guarded.gradient_norm) == pytest.approx((4 + 9 + 36 + 36) ** 0.5)


def test_optimizers_are_wrapped_under_their_names(tmp_path):
    guarded = wrap({"a": sgd([weight()], 0.1, 0.0), "b": sgd([weight()], 0.2, 0.0)}, StageContext(tmp_path))
    assert guarded["a"].rates() == {"lr": 0.1}
    assert guarded["b"].rates() == {"lr": 0.2}


def test_the_rates_of_all_groups_are_scaled_from_those_they_were_built_with(tmp_path):
    groups = [{"params": [weight()], "lr": 0.1}, {"params": [weight()], "lr": 0.4}]
    guarded = GuardedOptimizer(sgd(groups, 0.2, 0.0), StageContext(tmp_path))
    for factor in (0.5, 0.25):
        guarded.scale_rates(factor)
    assert [group["lr"] for group in guarded.optimizer.param_groups] == [0.025, 0.1]
    assert guarded.rates() == {"lr": 0.025, "base_lr": 0.05}
