"""Provenance of a stage: code, versions and machine, noted by the process that does the work."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from benchmark import __version__
from benchmark.api.executor import Job
from benchmark.errors import PluginError
from benchmark.registry.code import CodeDigests, plugin_identities_of
from benchmark.registry.registry import Registry


class Revision(NamedTuple):
    """State of the checkout that bench runs from; both None for an installed package.

    Attributes:
        commit: Hash of the commit.
        dirty: Whether tracked files differ from it.
    """

    commit: str | None
    dirty: bool | None


class LoadedCode:
    """The code of this process: read when its modules are imported, so that later edits of the files do not count."""

    def __init__(self) -> None:
        self.digests = CodeDigests()
        self.revision = git_revision(Path(__file__).parents[2])


_preloaded: list[LoadedCode] = []
"""In a process that was forked from a server: the code as that server loaded it."""


def note_preloaded_code(modules: Iterable[str]) -> None:
    """Read the code of packages that this process has just imported, for all processes that are forked from it."""
    code = LoadedCode()
    code.digests.read_packages(modules)
    _preloaded[:] = [code]


def loaded_code() -> LoadedCode:
    """The code that a stage in this process runs; call it before the stage imports its plugins."""
    return _preloaded[0] if _preloaded else LoadedCode()


def check_unchanged(job: Job, registry: Registry, digests: CodeDigests) -> None:
    """Raise `PluginError` where files of a plugin are no longer those that the key of the stage was computed from."""
    for kind, identity in plugin_identities_of(job.spec):
        if not identity.get("code"):
            continue
        plugin = registry.find(kind, identity["name"])
        if digests.of_files(plugin, registry.project) != identity["code"]:
            raise PluginError(
                f"{kind} '{plugin.name}': its files have changed since this run was planned; run the same command again"
            )


def make_provenance(job: Job, device: str, precision: str, code: LoadedCode, registry: Registry) -> dict[str, Any]:
    """What a stage is made with, as JSON values.

    Args:
        job: The stage.
        device, precision: What it computes with.
        code: From `loaded_code`.
        registry: Where its plugins are found.
    """
    return {
        "bench": __version__,
        "git": code.revision.commit,
        "dirty": code.revision.dirty,
        "python": platform.python_version(),
        "torch": _torch_version(),
        "platform": platform.platform(),
        "cpu": cpu_name(),
        "gpu": _gpu_name() if device == "cuda" else None,
        "threads": job.threads,
        "device": device,
        "precision": precision,
        "code": code.digests.of_stage(job.spec, registry),
    }


@cache
def git_revision(root: Path) -> Revision:
    """Commit of the checkout at a folder, and whether its tracked files differ from it."""
    if not (root / ".git").exists():
        return Revision(None, None)
    # --exclude=* leaves no tag to describe by, so that the answer is the hash of the commit
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        described = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):  # no git here, or not the owner's checkout
        return Revision(None, None)
    commit = described.removesuffix("-dirty")
    return Revision(commit, commit != described)


def cpu_name(cpu_info: Path = Path("/proc/cpuinfo")) -> str:
    """Model of the CPU, or its architecture where the system does not name it."""
    try:
        lines = cpu_info.read_text().splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(iter(models), platform.machine())


def _torch_version() -> str | None:
    if "torch" in sys.modules:
        return str(sys.modules["torch"].__version__)
    try:
        return version("torch")
    except PackageNotFoundError:
        return None


def _gpu_name() -> str:
    import torch

    return torch.cuda.get_device_name()
