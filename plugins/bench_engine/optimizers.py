"""Optimizers whose step is skipped on the device itself when a loss or gradient is not finite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import Tensor, nn
from torch.optim import Optimizer

from bench_engine.precision import autocast
from benchmark import StageContext

Parameters = Iterable[Tensor] | Iterable[dict[str, Any]]


def adam(parameters: Parameters, lr: float, betas: tuple[float, float], weight_decay: float = 0.0) -> Optimizer:
    """Adam in its fused form; `weight_decay` is that of its paper, added to the gradient."""
    return torch.optim.Adam(parameters, lr=lr, betas=betas, weight_decay=weight_decay, fused=True)


def adamw(parameters: Parameters, lr: float, weight_decay: float) -> Optimizer:
    """AdamW in its fused form."""
    return torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay, fused=True)


def sgd(parameters: Parameters, lr: float, weight_decay: float, momentum: float = 0.9) -> Optimizer:
    """SGD with momentum in its fused form."""
    return torch.optim.SGD(parameters, lr=lr, momentum=momentum, weight_decay=weight_decay, fused=True)


class GuardedOptimWrapper(OptimWrapper):
    """mmengine's wrapper with autocast on any device, and a step that a NaN or an infinity cannot enter.

    Attributes:
        bad: Boolean scalar on the device: a step was skipped since `clear`.
        gradient_norm: Euclidean norm of all gradients at the latest step, before clipping, on the device.
    """

    def __init__(self, optimizer: Optimizer, context: StageContext, clip_norm: float | None = None) -> None:
        super().__init__(optimizer)
        self._run = context
        self._clip_norm = clip_norm
        self.gradient_norm = torch.zeros((), device=context.device)
        self.clear()

    def clear(self) -> None:
        """Forget skipped steps."""
        self.bad = torch.zeros((), dtype=torch.bool, device=self._run.device)

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast as the run asks for it."""
        with autocast(self._run.device, self._run.precision):
            yield

    def backward(self, loss: Tensor, **kwargs: Any) -> None:
        """Back-propagate a loss, and note whether it is finite."""
        self.bad = self.bad | ~torch.isfinite(loss.detach())
        super().backward(loss, **kwargs)

    def step(self, **kwargs: Any) -> None:
        """Update the parameters, unless a loss since the last step or a gradient is not finite."""
        parameters = [p for group in self.optimizer.param_groups for p in group["params"] if p.grad is not None]
        self.gradient_norm = norm = torch.nn.utils.get_total_norm([p.grad for p in parameters])
        self.bad = self.bad | ~torch.isfinite(norm)
        if self._clip_norm is not None:
            torch.nn.utils.clip_grads_with_norm_(parameters, self._clip_norm, norm)
        # A fused kernel reads this flag on the device; any other optimizer makes the host wait for it.
        if getattr(self.optimizer, "_step_supports_amp_scaling", False):
            self.optimizer.found_inf = self.bad.float()
        elif bool(self.bad):
            return
        self.optimizer.step(**kwargs)


def wrap(
    optimizers: Optimizer | Mapping[str, Optimizer], context: StageContext, clip_norm: float | None = None
) -> GuardedOptimWrapper | OptimWrapperDict:
    """What a model's `train_step` gets: one guarded wrapper, or a dict of them under the given names."""
    if isinstance(optimizers, Optimizer):
        return GuardedOptimWrapper(optimizers, context, clip_norm)
    return OptimWrapperDict(**{name: GuardedOptimWrapper(one, context, clip_norm) for name, one in optimizers.items()})
