"""What the training loop asks of a model and of what accompanies it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from torch import Tensor, nn

from bench_engine.optimizers import GuardedOptimizer

Batch = dict[str, Any]
Batches = Callable[[int], Batch]
"""From the number of steps done to the batch of the next one."""
State = dict[str, Any]
"""Tensors and plain values (dicts, lists, numbers, strings), nested."""


class TrainableModel(nn.Module):
    """Networks that know how one step of their training goes."""

    @abstractmethod
    def train_step(self, batch: Batch, optimizers: Mapping[str, GuardedOptimizer]) -> Mapping[str, Tensor]:
        """Update the weights on one batch.

        Args:
            batch: What `batches` gave for this step, on the device of the run.
            optimizers: By the names under which `bench_engine.training.train` got them.

        Returns:
            Values to log by name; the mean of each is taken.
        """

    def training_state(self) -> State:
        """State beside parameters and buffers, such as a pool of images."""
        return {}

    def load_training_state(self, state: State) -> None:
        """Take up what `training_state` gave, tensors on the CPU."""


class Callback(Protocol):
    """Work between steps, such as an evaluation; its state is part of the checkpoint."""

    def after_step(self, step: int) -> None:
        """Called after each step with the number of steps done; the model must be left in training mode."""
        ...

    def state_dict(self) -> State:
        """All that later calls depend on."""
        ...

    def load_state_dict(self, state: State) -> None:
        """Take up what `state_dict` gave."""
        ...
