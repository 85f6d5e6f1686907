"""Exponential moving averages of a network's weights, which predict better than the last ones of a noisy training."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from bench_engine.model import State

Network = TypeVar("Network", bound=nn.Module)


def warmed_decay(decay: float, updates: int) -> float:
    """The decay of an average after a number of updates: smaller at first, when the weights are of little worth.

    The average then spans the last ninth of the updates so far, until that is as long as `decay` allows.

    Args:
        decay: At the end of a long training.
        updates: Updates of the weights so far, this one not counted.
    """
    return min(decay, (1 + updates) / (10 + updates))


def move_average(averages: Iterable[Tensor], values: Iterable[Tensor], decay: float) -> None:
    """Set each average to `decay` times itself plus `1 - decay` times its value, in place."""
    torch._foreach_lerp_(list(averages), [value.detach() for value in values], 1 - decay)


class WeightAverage(Generic[Network]):
    """Keeps the average of a network's weights and normalisation statistics while the network is trained.

    It is a callback of `training.train`: what it keeps is part of the checkpoints.

    Args:
        network: With its initial weights, on any device.
        decay: See `warmed_decay`.
        device: Of the training.

    Attributes:
        averaged: A copy of the network that holds the average, without gradients.

    Source: Tarvainen and Valpola 2017, arXiv:1703.01780, section 2 (the teacher).
    """

    def __init__(self, network: Network, decay: float, device: str) -> None:
        self.averaged: Network = deepcopy(network).requires_grad_(False).to(device)
        self._network = network
        self._decay = decay

    def after_step(self, step: int) -> None:
        """Move the average towards the weights and statistics after so many steps."""
        decay = warmed_decay(self._decay, step - 1)
        averages, values = self.averaged.state_dict(), self._network.state_dict()
        floats = [name for name, value in averages.items() if value.is_floating_point()]
        move_average([averages[name] for name in floats], [values[name] for name in floats], decay)
        for name in averages.keys() - set(floats):  # counters
            averages[name].copy_(values[name])

    def state_dict(self) -> State:
        """The average."""
        return dict(self.averaged.state_dict())

    def load_state_dict(self, state: State) -> None:
        """Take up an average."""
        self.averaged.load_state_dict(state)
