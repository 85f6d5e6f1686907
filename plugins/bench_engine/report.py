"""What a training tells while it runs: losses, sample pictures, progress and, at its end, facts."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bench_engine.images import to_8bit
from bench_engine.optimizers import GuardedOptimizer
from bench_engine.options import TrainingOptions
from benchmark import StageContext

PROGRESS_SECONDS = 1.0
SAMPLES = 5
"""How often in a training sample pictures are drawn, unless the options say otherwise."""

log = logging.getLogger("bench.training")


@dataclass
class Report:
    """Writes losses and pictures to the log and to TensorBoard, and tells how far the training is and how fast.

    Attributes:
        context: Where everything goes.
        options: How often.
        model: Is put back into training mode after samples were drawn.
        optimizers: Whose learning rates are logged.
        first: Steps done in earlier attempts.
        steps: Steps in all.
        images_per_step: What a step counts towards images seen.
        samples: Draws a grid of sample pictures, RGB in [0, 1], shape (3, H, W).
    """

    context: StageContext
    options: TrainingOptions
    model: nn.Module
    optimizers: Mapping[str, GuardedOptimizer]
    first: int
    steps: int
    images_per_step: int
    samples: Callable[[], Tensor] | None

    def __post_init__(self) -> None:
        self._latest: dict[str, float] = {}
        self._started = self._told = time.monotonic()
        asked = self.options.sample_every
        self._sample_every = max(1, self.steps // SAMPLES) if asked is None else asked
        self._board: Any = None
        if self.options.tensorboard:
            from torch.utils.tensorboard import SummaryWriter  # takes most of a second, and may be switched off

            self._board = SummaryWriter(str(self.context.folder / "tensorboard" / self.context.name))

    def after_step(self, step: int, values: Mapping[str, Any]) -> None:
        """Log, draw and tell, each when it is due; `values` are what the last of `step` steps gave."""
        last = step == self.steps
        if last or step % self.options.log_every == 0:
            self._log(step, values)
        if self.samples is not None and self._sample_every and step % self._sample_every == 0:
            self._draw(step, self.samples())
        if last or time.monotonic() - self._told >= PROGRESS_SECONDS:
            self._tell(step)

    def finish(self, skipped_steps: int) -> None:
        """Store the facts of the training."""
        self.context.report(
            images_per_second=round(self._speed(self.steps), 3),
            steps=self.steps,
            images_seen=self.steps * self.images_per_step,
            skipped_steps=skipped_steps,
            parameters=sum(p.numel() for p in self.model.parameters() if p.requires_grad),
        )

    def close(self) -> None:
        """Close TensorBoard's file."""
        if self._board is not None:
            self._board.close()

    def _log(self, step: int, values: Mapping[str, Any]) -> None:
        self._latest = _finite_scalars(values)
        scalars = self._latest | self._rates()
        self.context.log(step, **scalars)
        if self._board is not None:
            for name, value in scalars.items():
                self._board.add_scalar(name, value, step)
        losses = ", ".join(f"{name} {value:.4f}" for name, value in self._latest.items())
        log.info("step %d/%d, %.1f images/s, %s", step, self.steps, self._speed(step), losses)

    def _rates(self) -> dict[str, float]:
        """All learning rates; where there are several optimizers, after their names."""
        if len(self.optimizers) == 1:
            (optimizer,) = self.optimizers.values()
            return optimizer.rates()
        rates = {name: optimizer.rates() for name, optimizer in self.optimizers.items()}
        return {f"{name}.{rate}": value for name, named in rates.items() for rate, value in named.items()}

    def _draw(self, step: int, grid: Tensor) -> None:
        self.model.train()
        self.context.images(f"step_{step:07d}", grid)
        if self._board is not None:
            self._board.add_image("samples", to_8bit(grid).cpu(), step)

    def _tell(self, step: int) -> None:
        self._told = time.monotonic()
        speed = round(self._speed(step), 3)
        done, total = step * self.images_per_step, self.steps * self.images_per_step
        self.context.progress(done, total, "images", **self._latest, images_per_second=speed)

    def _speed(self, step: int) -> float:
        """Images per second of this process, the first steps included."""
        return (step - self.first) * self.images_per_step / max(time.monotonic() - self._started, 1e-9)


def _finite_scalars(values: Mapping[str, Any]) -> dict[str, float]:
    """All tensors of a step as numbers, by one transfer from the device."""
    tensors = {name: value.detach().float().mean() for name, value in values.items() if isinstance(value, Tensor)}
    numbers = torch.stack(list(tensors.values())).tolist() if tensors else []
    return {name: number for name, number in zip(tensors, numbers, strict=True) if math.isfinite(number)}
