"""The guard against steps whose loss or gradient is not finite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from bench_engine.optimizers import GuardedOptimizer
from benchmark import BenchError


class FiniteGuard:
    """Counts skipped steps, undoes what they did to buffers, and ends a training that only skips.

    Counting happens on the device; the host asks for the count only in `check`.

    Args:
        model: On its device.
        optimizers: All that update it.
        limit: Skipped steps in a row that end the training.
    """

    def __init__(self, model: nn.Module, optimizers: Iterable[GuardedOptimizer], limit: int) -> None:
        self._optimizers = list(optimizers)
        self._limit = limit
        # a forward pass may spoil them, such as the running means of batch norm
        self._buffers = [buffer for buffer in model.buffers() if buffer.is_floating_point()]
        self._saved = [buffer.clone() for buffer in self._buffers]
        self._counts = torch.zeros(3, dtype=torch.long, device=next(model.parameters()).device)

    @property
    def skipped(self) -> int:
        """Steps skipped so far."""
        return int(self._counts[0])

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Around one step: count it if any optimizer skipped it, and put the buffers back then."""
        for optimizer in self._optimizers:
            optimizer.clear()
        if self._buffers:
            torch._foreach_copy_(self._saved, self._buffers)
        yield
        bad = torch.stack([optimizer.bad for optimizer in self._optimizers]).any()
        for buffer, saved in zip(self._buffers, self._saved, strict=True):
            torch.where(bad, saved, buffer, out=buffer)
        skipped, streak, longest = self._counts.unbind()
        streak = (streak + 1) * bad
        self._counts = torch.stack([skipped + bad, streak, torch.maximum(longest, streak)])

    def check(self, step: int) -> None:
        """Raise `BenchError` when too many steps in a row were skipped by now."""
        longest = int(self._counts[2])
        if longest >= self._limit:
            raise BenchError(
                f"training diverged: by step {step} the loss or a gradient was not finite in {longest} steps in a row; "
                "lower the learning rate, or train in fp32"
            )

    def state(self) -> list[int]:
        """The counts."""
        return self._counts.tolist()

    def load_state(self, counts: list[int]) -> None:
        """Go on counting."""
        self._counts = torch.tensor(counts, device=self._counts.device)
