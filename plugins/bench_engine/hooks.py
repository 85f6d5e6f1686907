"""mmengine hooks of a training: exact resume, the guard against non-finite steps, and reports."""

from __future__ import annotations

import math
import random
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner
from torch import Tensor

from bench_engine.optimizers import GuardedOptimWrapper
from bench_engine.options import TrainingOptions
from benchmark import BenchError, StageContext

State = dict[str, Any]
PROGRESS_SECONDS = 1.0
SAMPLES = 5
"""How often in a training sample pictures are drawn, unless told otherwise."""


@runtime_checkable
class HasTrainingState(Protocol):
    """A model with state beside its parameters and buffers, such as a pool of images."""

    def training_state(self) -> State:
        """Tensors and plain values (dicts, lists, numbers, strings) that `load_training_state` takes up again."""
        ...

    def load_training_state(self, state: State) -> None:
        """Take up a state."""
        ...


def random_state() -> State:
    """The states of all global random generators, as tensors and plain values."""
    kind, keys, position, has_gauss, gauss = np.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": [kind, torch.from_numpy(keys.astype(np.int64)), position, has_gauss, gauss],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_random_state(state: State) -> None:
    """Set all global random generators to what `random_state` gave."""
    random.setstate(state["python"])
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(state["torch"])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])


class ResumeHook(Hook):
    """Puts into mmengine's checkpoint what an exact resume needs and mmengine leaves out."""

    priority = "HIGHEST"

    def __init__(self) -> None:
        self._random: State | None = None

    def before_save_checkpoint(self, runner: Runner, checkpoint: State) -> None:
        """Add random states and the model's own; drop what `torch.load` would refuse."""
        checkpoint["random"] = random_state()
        if isinstance(runner.model, HasTrainingState):
            checkpoint["model_state"] = runner.model.training_state()
        # mmengine 0.10 pickles its log buffers into the message hub. torch >= 2.6 loads plain values and tensors
        # only, so that mmengine cannot resume its own checkpoints; nothing of the log is needed to go on.
        checkpoint["message_hub"] = {"log_scalars": {}, "runtime_info": {}, "resumed_keys": {}}

    def after_load_checkpoint(self, runner: Runner, checkpoint: State) -> None:
        """Take up the model's own state; random states wait until nothing else is set up."""
        self._random = checkpoint["random"]
        if isinstance(runner.model, HasTrainingState):
            runner.model.load_training_state(checkpoint["model_state"])

    def before_train(self, runner: Runner) -> None:
        """Set the random states of the moment the checkpoint was written."""
        if self._random is not None:
            set_random_state(self._random)


class FiniteGuardHook(Hook):
    """Counts skipped steps, undoes what they did to buffers, and ends a training that only skips.

    Counting happens on the device; the host asks for the count only now and then.
    """

    priority = "VERY_HIGH"

    def __init__(self, limit: int, check_every: int) -> None:
        self._limit = limit
        self._check_every = check_every
        self._counts = torch.zeros(3, dtype=torch.long)
        self._buffers: list[Tensor] = []
        self._saved: list[Tensor] = []

    @property
    def skipped(self) -> int:
        """Steps skipped so far."""
        return int(self._counts[0])

    def before_train(self, runner: Runner) -> None:
        """Learn which buffers a forward pass may spoil, such as the running means of batch norm."""
        self._buffers = [b for b in runner.model.buffers() if b.is_floating_point()]
        self._saved = [buffer.clone() for buffer in self._buffers]
        device = next(runner.model.parameters()).device
        self._counts = self._counts.to(device)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Keep the buffers as they are before the step."""
        for wrapper in _wrappers(runner):
            wrapper.clear()
        if self._buffers:
            torch._foreach_copy_(self._saved, self._buffers)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Mapping[str, Any] | None = None
    ) -> None:
        """Count the step if any optimizer skipped it, and put the buffers back."""
        bad = torch.stack([wrapper.bad for wrapper in _wrappers(runner)]).any()
        for buffer, saved in zip(self._buffers, self._saved, strict=True):
            torch.where(bad, saved, buffer, out=buffer)
        skipped, streak, longest = self._counts.unbind()
        streak = (streak + 1) * bad
        self._counts = torch.stack([skipped + bad, streak, torch.maximum(longest, streak)])
        if self.every_n_train_iters(runner, self._check_every) or self.is_last_train_iter(runner):
            self._check(batch_idx + 1)

    def before_save_checkpoint(self, runner: Runner, checkpoint: State) -> None:
        """Keep the counts."""
        checkpoint["bad_steps"] = self._counts.tolist()

    def after_load_checkpoint(self, runner: Runner, checkpoint: State) -> None:
        """Go on counting."""
        self._counts = torch.tensor(checkpoint["bad_steps"])

    def _check(self, step: int) -> None:
        longest = int(self._counts[2])
        if longest >= self._limit:
            raise BenchError(
                f"training diverged: by step {step} the loss or a gradient was not finite in {longest} steps in a row; "
                "lower the learning rate, or train in fp32"
            )


class ReportHook(Hook):
    """Writes losses to the log, and tells how far the training is and how fast."""

    priority = "LOW"

    def __init__(
        self,
        context: StageContext,
        options: TrainingOptions,
        images_per_step: int,
        guard: FiniteGuardHook,
        samples: Callable[[], Tensor] | None,
    ) -> None:
        self._run = context
        self._options = options
        self._images = images_per_step
        self._guard = guard
        self._samples = samples
        self._latest: dict[str, float] = {}
        # Made before the runner's own, as mmengine sends messages of its own to whichever logger is the newest.
        self._logger = MMLogger.get_instance(f"report-{uuid.uuid4().hex}", logger_name="bench", log_level="INFO")

    def before_train(self, runner: Runner) -> None:
        """Start the clock."""
        asked = self._options.sample_every
        self._every = max(1, runner.max_iters // SAMPLES) if asked is None else asked
        self._first_step = runner.iter
        self._started = self._told = time.monotonic()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Mapping[str, Any] | None = None
    ) -> None:
        """Log, draw and tell, each when it is due."""
        step, last = batch_idx + 1, self.is_last_train_iter(runner)
        if last or step % self._options.log_every == 0:
            self._log(runner, step, outputs or {})
        if self._samples is not None and self._every and step % self._every == 0:
            self._draw(runner, step, self._samples())
        if last or time.monotonic() - self._told >= PROGRESS_SECONDS:
            self._tell(step, runner.max_iters)

    def after_train(self, runner: Runner) -> None:
        """Store the facts of the training."""
        self._run.report(
            images_per_second=round(self._speed(runner.iter), 3),
            steps=runner.max_iters,
            images_seen=runner.max_iters * self._images,
            skipped_steps=self._guard.skipped,
            parameters=sum(p.numel() for p in runner.model.parameters() if p.requires_grad),
        )
        runner.visualizer.close()

    def _log(self, runner: Runner, step: int, outputs: Mapping[str, Any]) -> None:
        rates = {name: values[0] for name, values in runner.optim_wrapper.get_lr().items()}
        self._latest = _finite_scalars(outputs)
        self._run.log(step, **self._latest, **rates)
        runner.visualizer.add_scalars({**self._latest, **rates}, step=step)
        losses = ", ".join(f"{name} {value:.4f}" for name, value in self._latest.items())
        self._logger.info(f"step {step}/{runner.max_iters}, {self._speed(step):.1f} images/s, {losses}")

    def _draw(self, runner: Runner, step: int, grid: Tensor) -> None:
        runner.model.train()
        self._run.images(f"step_{step:07d}", grid)
        pixels = grid.detach().float().clamp(0, 1).mul(255).byte().permute(1, 2, 0).cpu().numpy()
        runner.visualizer.add_image("samples", pixels, step=step)

    def _tell(self, step: int, steps: int) -> None:
        self._told = time.monotonic()
        speed = round(self._speed(step), 3)
        self._run.progress(step * self._images, steps * self._images, "images", **self._latest, images_per_second=speed)

    def _speed(self, step: int) -> float:
        """Images per second of this process, the first steps included."""
        return (step - self._first_step) * self._images / max(time.monotonic() - self._started, 1e-9)


def _wrappers(runner: Runner) -> list[GuardedOptimWrapper]:
    wrapper = runner.optim_wrapper
    return list(wrapper.values()) if isinstance(wrapper, OptimWrapperDict) else [wrapper]


def _finite_scalars(outputs: Mapping[str, Any]) -> dict[str, float]:
    """All tensors of a step as numbers, by one transfer from the device."""
    tensors = {name: value.detach().float().mean() for name, value in outputs.items() if isinstance(value, Tensor)}
    values = torch.stack(list(tensors.values())).tolist() if tensors else []
    return {name: value for name, value in zip(tensors, values, strict=True) if math.isfinite(value)}
