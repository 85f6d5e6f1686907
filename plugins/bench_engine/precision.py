"""Numeric precision and memory layout of a training: bf16 autocast over fp32 weights, channels last."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

from benchmark.api.stage_context import Precision

Module = TypeVar("Module", bound=nn.Module)


def autocast(device: str, precision: Precision) -> torch.autocast:
    """The autocast context of a device and a precision; it does nothing in fp32.

    bf16 has the exponent range of fp32, so that gradients need no loss scaling.
    """
    return torch.autocast(torch.device(device).type, dtype=torch.bfloat16, enabled=precision == "bf16")


def channels_last(module: Module) -> Module:
    """The module on channels-last weights, which convolutions of CPUs and tensor cores like better."""
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack this argument
    return module
