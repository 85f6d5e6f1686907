"""Hardware of this machine, read without importing torch, and the device and precision of a stage on it."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from benchmark.api.stage_context import Precision, RequestedDevice, RequestedPrecision
from benchmark.errors import UsageError


def cores() -> int:
    """CPU cores this process may use: its affinity, and the quota of its container."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(affinity, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # no such file, or "max": no quota
        return affinity


def memory_gib() -> float:
    """Main memory of the machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def has_gpu(environ: Mapping[str, str], root: Path = Path("/")) -> bool:
    """Whether an NVIDIA GPU is there and not hidden.

    Args:
        environ: Environment variables; an empty or negative `CUDA_VISIBLE_DEVICES` hides all GPUs.
        root: Where the file system starts.
    """
    if environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return False
    if any((root / "proc/driver/nvidia/gpus").glob("*")) or (root / "dev/nvidia0").exists():
        return True
    # Where the driver shows no such files (Windows, WSL), its tool is all there is to go by.
    return shutil.which("nvidia-smi", path=environ.get("PATH", "")) is not None


def visible_gpus() -> tuple[str, ...]:
    """GPUs this process may use, as `CUDA_VISIBLE_DEVICES` names them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return tuple(name for name in named.split(",") if name not in ("", "-1"))
    if not has_gpu(os.environ):
        return ()
    command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):  # no driver, or one that does not answer
        return ()
    return tuple(done.stdout.split())


def cpu_has_bf16(root: Path = Path("/")) -> bool:
    """Whether the CPU computes in bfloat16 (AMX or AVX512-BF16), as far as Linux tells."""
    try:
        flags = set((root / "proc/cpuinfo").read_text().split())
    except OSError:
        return False
    return bool(flags & {"amx_bf16", "avx512_bf16"})


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
