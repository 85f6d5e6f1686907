"""One call that trains a model to its last step, from wherever an earlier attempt stopped."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from bench_engine.guard import FiniteGuard
from bench_engine.model import Batches, Callback, State, TrainableModel
from bench_engine.optimizers import GuardedOptimizer, wrap
from bench_engine.options import TrainingOptions
from bench_engine.prefetch import batches_on
from bench_engine.randomness import random_state, seed_everything, set_random_state
from bench_engine.report import Report
from bench_engine.schedules import Factor
from benchmark import StageContext

log = logging.getLogger("bench.training")


def train(
    model: TrainableModel,
    batches: Batches,
    optimizers: Mapping[str, Optimizer],
    schedule: Factor,
    steps: int,
    images_per_step: int,
    context: StageContext,
    options: TrainingOptions,
    *,
    samples: Callable[[], Tensor] | None = None,
    callbacks: Sequence[Callback] = (),
    clip_norm: float | None = None,
) -> None:
    """Train a model; it is on the device of the run and has its last weights afterwards.

    When `context` holds the checkpoint of an earlier attempt, training goes on there and ends with the very weights of
    an uninterrupted one (bit by bit on a CPU).

    Args:
        model: Initialised; its `train_step` makes one step.
        batches: The batch of a step, CPU tensors by name; must depend on the step alone, for instance through
            `data.step_generator`, and must leave global random generators alone: a thread draws ahead.
        optimizers: By the names under which `train_step` finds them. Fused ones skip a non-finite step without
            waiting for the device.
        schedule: What all learning rates are multiplied with, as a function of the share of steps done.
        steps: Steps in all.
        images_per_step: What one step counts towards images seen and images per second.
        context: Device, precision, seed, log, progress and checkpoints.
        options: How often to log, draw and keep.
        samples: Draws a grid of sample pictures, RGB in [0, 1], shape (3, H, W).
        callbacks: What else is to be done between steps.
        clip_norm: Largest norm of all gradients of one optimizer.

    Raises:
        BenchError: The training diverged.
    """
    if torch.device(context.device).type == "cuda":
        torch.backends.cudnn.benchmark = True
    seed_everything(context, "training")
    model.to(context.device)
    guarded = wrap(optimizers, context, clip_norm)
    guard = FiniteGuard(model, guarded.values(), options.max_bad_steps)
    training = _Training(model, guarded, guard, callbacks)
    first = training.resume(context)
    with closing(Report(context, options, model, guarded, first, steps, images_per_step, samples)) as report:
        model.train()
        for step, batch in enumerate(batches_on(context.device, batches, range(first, steps)), first + 1):
            for optimizer in guarded.values():
                optimizer.scale_rates(schedule((step - 1) / steps))
            with guard.watch():
                values = model.train_step(batch, guarded)
            if step == steps or step % options.log_every == 0:
                guard.check(step)
            report.after_step(step, values)
            for callback in callbacks:
                callback.after_step(step)
            if step == steps or step % options.checkpoint_every == 0:
                context.checkpoint(step, training.state())
        report.finish(guard.skipped)


@dataclass(frozen=True)
class _Training:
    """All that later steps of a training depend on, beside the step itself."""

    model: TrainableModel
    optimizers: Mapping[str, GuardedOptimizer]
    guard: FiniteGuard
    callbacks: Sequence[Callback]

    def state(self) -> State:
        """The state for a checkpoint."""
        return {
            "model": self.model.state_dict(),
            "model_state": self.model.training_state(),
            "optimizers": {name: guarded.optimizer.state_dict() for name, guarded in self.optimizers.items()},
            "guard": self.guard.state(),
            "callbacks": [callback.state_dict() for callback in self.callbacks],
            "random": random_state(),
        }

    def resume(self, context: StageContext) -> int:
        """Take up the last checkpoint of a run, if there is one; returns how many steps are done."""
        step, state = context.last_checkpoint() or (0, None)
        if state is None:
            return 0
        if not self._fits(state):
            log.warning("the checkpoint of step %d is that of another training; this one starts anew", step)
            return 0
        self.model.load_state_dict(state["model"])
        self.model.load_training_state(state["model_state"])
        for name, guarded in self.optimizers.items():
            guarded.optimizer.load_state_dict(state["optimizers"][name])
        self.guard.load_state(state["guard"])
        for callback, kept in zip(self.callbacks, state["callbacks"], strict=True):
            callback.load_state_dict(kept)
        set_random_state(state["random"])  # last, as what is done before may draw random numbers
        return step

    def _fits(self, state: State) -> bool:
        """Whether a state is one of this training; code that has changed since may have left another one."""
        own = self.state()
        return own.keys() == state.keys() and _layout(own) == _layout(state)


def _layout(state: State) -> tuple[Any, ...]:
    """What of a state cannot change during a training."""
    weights = {name: value.shape for name, value in state["model"].items()}
    rules = state["optimizers"].items()
    groups = [(name, len(group["params"])) for name, rule in rules for group in rule["param_groups"]]
    return weights, groups, len(state["callbacks"])
