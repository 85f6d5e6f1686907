"""Optimizers whose step is skipped on the device itself when a loss or gradient is not finite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
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


class GuardedOptimizer:
    """An optimizer with the precision of a run, and with steps that a NaN or an infinity cannot enter.

    Attributes:
        optimizer: The optimizer itself.
        bad: Boolean scalar on the device: a step was skipped since `clear`.
        gradient_norm: Euclidean norm of all gradients at the latest step, before clipping, on the device.
    """

    def __init__(self, optimizer: Optimizer, context: StageContext, clip_norm: float | None = None) -> None:
        self.optimizer = optimizer
        self._run = context
        self._clip_norm = clip_norm
        self._base_rates = [group["lr"] for group in optimizer.param_groups]
        self._factor = 1.0
        self.gradient_norm = torch.zeros((), device=context.device)
        self.clear()

    def clear(self) -> None:
        """Forget skipped steps."""
        self.bad = torch.zeros((), dtype=torch.bool, device=self._run.device)

    def scale_rates(self, factor: float) -> None:
        """Set each learning rate to the one it was built with, times a factor."""
        self._factor = factor
        for group, rate in zip(self.optimizer.param_groups, self._base_rates, strict=True):
            group["lr"] = rate * factor

    def rates(self) -> dict[str, float]:
        """`lr`, the learning rate of the first group; where there are several, `base_lr` is the optimizer's own."""
        rates = {"lr": self.optimizer.param_groups[0]["lr"]}
        if len(self._base_rates) > 1:
            rates["base_lr"] = self.optimizer.defaults["lr"] * self._factor
        return rates

    def autocast(self) -> torch.autocast:
        """A context for forward passes and losses, in the precision of the run."""
        return autocast(self._run.device, self._run.precision)

    def update(self, loss: Tensor) -> None:
        """Back-propagate a loss, update the parameters, and clear their gradients."""
        self.backward(loss)
        self.step()
        self.zero_grad()

    def backward(self, loss: Tensor) -> None:
        """Back-propagate a loss, and note whether it is finite."""
        self.bad = self.bad | ~torch.isfinite(loss.detach())
        loss.backward()

    def step(self) -> None:
        """Update the parameters, unless a loss since `clear` or a gradient is not finite."""
        parameters = [p for group in self.optimizer.param_groups for p in group["params"] if p.grad is not None]
        self.gradient_norm = norm = torch.nn.utils.get_total_norm([p.grad for p in parameters])
        self.bad = self.bad | ~torch.isfinite(norm)
        if self._clip_norm is not None:
            torch.nn.utils.clip_grads_with_norm_(parameters, self._clip_norm, norm)
        # A fused kernel reads this flag on the device; any other optimizer makes the host wait for it.
        if getattr(self.optimizer, "_step_supports_amp_scaling", False):
            self.optimizer.found_inf = self.bad.float()  # type: ignore[attr-defined]  # set by torch's GradScaler too
        elif bool(self.bad):
            return
        self.optimizer.step()

    def zero_grad(self) -> None:
        """Clear the gradients."""
        self.optimizer.zero_grad()


def wrap(
    optimizers: Mapping[str, Optimizer], context: StageContext, clip_norm: float | None = None
) -> dict[str, GuardedOptimizer]:
    """What a model's `train_step` gets: guarded optimizers under the given names."""
    return {name: GuardedOptimizer(optimizer, context, clip_norm) for name, optimizer in optimizers.items()}
