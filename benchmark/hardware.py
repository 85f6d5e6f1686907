"""What this machine has, told without importing torch, which takes seconds."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path


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


def cpu_has_bf16(root: Path = Path("/")) -> bool:
    """Whether the CPU computes in bfloat16 (AMX or AVX512-BF16), as far as Linux tells."""
    try:
        flags = set((root / "proc/cpuinfo").read_text().split())
    except OSError:
        return False
    return bool(flags & {"amx_bf16", "avx512_bf16"})
