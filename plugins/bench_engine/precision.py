"""Numeric precision and memory layout of a training: bf16 autocast over fp32 weights, channels last."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

from benchmark.contracts.run import Run

Module = TypeVar("Module", bound=nn.Module)


def autocast(run: Run) -> torch.autocast:
    """The autocast context a run asks for; it does nothing in fp32.

    bf16 has the exponent range of fp32, so that gradients need no loss scaling.
    """
    kind = torch.device(run.device).type
    return torch.autocast(kind, dtype=torch.bfloat16, enabled=run.precision == "bf16")


def channels_last(module: Module) -> Module:
    """The module on channels-last weights, which convolutions of CPUs and tensor cores like better."""
    return module.to(memory_format=torch.channels_last)
