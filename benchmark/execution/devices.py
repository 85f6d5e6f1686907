"""Device and number format of a stage: as asked for, or the best that torch finds here."""

from __future__ import annotations

from benchmark.api.stage_context import Precision, RequestedDevice, RequestedPrecision
from benchmark.errors import UsageError
from benchmark.execution.hardware import cpu_has_bf16


def resolve_device(requested: RequestedDevice) -> str:
    """The torch device a stage runs on; `UsageError` when CUDA was asked for and is not there."""
    if requested == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if requested == "cuda":
        raise UsageError("device: cuda was asked for, but torch finds none here; ask for auto or cpu  (bench doctor)")
    return "cpu"


def resolve_precision(requested: RequestedPrecision, device: str) -> Precision:
    """What autocast is to use: as asked for, or bf16 where the device computes with it natively."""
    if requested != "auto":
        return requested
    if device == "cpu":  # torch also takes bf16 on plain AVX-512, where it is emulated and slower than fp32
        return "bf16" if cpu_has_bf16() else "fp32"
    import torch

    return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
