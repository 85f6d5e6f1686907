"""One call that trains a model to its last step, from wherever an earlier attempt stopped."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.hooks import CheckpointHook, Hook, ParamSchedulerHook
from mmengine.model import BaseModel
from torch import Tensor
from torch.optim import Optimizer

from bench_engine.hooks import FiniteGuardHook, ReportHook, ResumeHook
from bench_engine.optimizers import wrap
from bench_engine.options import TrainingOptions
from bench_engine.runner import CHECKPOINT, Batches, StageRunner, StepData, StepLoop
from benchmark import StageContext

Schedules = Sequence[dict[str, Any]] | Mapping[str, Sequence[dict[str, Any]]]

_NO_DEFAULT_HOOKS = dict.fromkeys(
    ("runtime_info", "timer", "sampler_seed", "logger", "param_scheduler", "checkpoint"), None
)


def seed_everything(context: StageContext, purpose: str) -> None:
    """Seed the global generators, as before building a model, whose layers draw their weights from them."""
    seed = context.generator(purpose).initial_seed() % 2**32
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def train(
    model: BaseModel,
    batches: Batches,
    optimizers: Optimizer | Mapping[str, Optimizer],
    schedules: Schedules,
    steps: int,
    images_per_step: int,
    context: StageContext,
    options: TrainingOptions,
    *,
    samples: Callable[[], Tensor] | None = None,
    hooks: Sequence[Hook] = (),
    clip_norm: float | None = None,
) -> None:
    """Train on mmengine's Runner; the model has its last weights afterwards.

    When `context.folder` holds the checkpoint of an earlier attempt, training goes on there and ends with the very
    weights of an uninterrupted one (bit by bit on a CPU).

    Args:
        model: Initialised; its `train_step(batch, optim_wrapper)` makes one step, by default mmengine's own. State
            beside parameters and buffers is kept when it has the methods of `hooks.HasTrainingState`.
        batches: The batch of a step, CPU tensors by name; must depend on the step alone, for instance through
            `data.step_generator`, and must leave global random generators alone: a thread draws ahead.
        optimizers: One, or several by the names under which `train_step` finds their wrappers. Fused ones skip a
            non-finite step without waiting for the device.
        schedules: Of `schedules.by_step`, for every optimizer or by its name.
        steps: Steps in all.
        images_per_step: What one step counts towards images seen and images per second.
        context: Device, precision, seed, log, progress and folder.
        options: How often to log, draw and keep.
        samples: Draws a grid of sample pictures, RGB in [0, 1], shape (3, H, W).
        hooks: Further mmengine hooks.
        clip_norm: Largest norm of all gradients of one optimizer.

    Raises:
        BenchError: The training diverged.
    """
    if torch.device(context.device).type == "cuda":
        torch.backends.cudnn.benchmark = True
    guard = FiniteGuardHook(options.max_bad_steps, options.log_every)
    report = ReportHook(context, options, images_per_step, guard, samples)
    data = StepData(batches, steps)
    runner = StageRunner(
        context,
        tensorboard=options.tensorboard,
        model=model,
        train_dataloader=data,
        train_cfg={"type": StepLoop, "context": context},
        optim_wrapper=wrap(optimizers, context, clip_norm),
        param_scheduler=schedules,
        default_hooks=_NO_DEFAULT_HOOKS,
        custom_hooks=[ResumeHook(), guard, report, ParamSchedulerHook(), _checkpoint_hook(options), *hooks],
    )
    runner.train()


def _checkpoint_hook(options: TrainingOptions) -> CheckpointHook:
    """One file, replaced in one step: mmengine's own rotation deletes the previous one before it writes."""
    return CheckpointHook(
        interval=options.checkpoint_every,
        by_epoch=False,
        filename_tmpl=CHECKPOINT,
        backend_args={"backend": "bench_atomic"},
    )
