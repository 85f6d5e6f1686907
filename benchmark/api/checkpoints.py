"""Checkpoint files that outlive a kill, a power cut and a bad disk.

The name of a file holds its number and the SHA-256 of its content, so that content and checksum appear in one rename;
`torch.load` alone does not notice a flipped bit. The file before the newest is kept, in case the newest is damaged.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

NAME = re.compile(r"(\d+)-([0-9a-f]{64})\.pt")
PARTIAL = "checkpoint.partial"

log = logging.getLogger("bench")


class _File(NamedTuple):
    """A checkpoint file; files sort by their numbers, which count the checkpoints of a stage."""

    number: int
    digest: str
    path: Path


class _DamagedError(Exception):
    """The content of a checkpoint cannot be used."""


def write_checkpoint(folder: Path, step: int, state: Mapping[str, Any]) -> None:
    """Store a state of tensors and plain values, on the disk before it counts; only the one before is kept beside it.

    Args:
        folder: Where the checkpoints of one stage lie; made when it is missing.
        step: Steps done so far.
        state: What `read_checkpoint` is to give back.
    """
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / PARTIAL
    torch.save({"step": step, "state": dict(state)}, partial)
    flush_to_disk(partial)  # before the rename: else a power cut could leave the name without the content
    earlier = _files(folder)
    number = earlier[-1].number + 1 if earlier else 1
    partial.rename(folder / f"{number:06d}-{file_sha256(partial)}.pt")
    flush_to_disk(folder)  # before the older ones go, so that one is on the disk at every moment
    for outdated in earlier[:-1]:
        outdated.path.unlink()


def read_checkpoint(folder: Path) -> tuple[int, dict[str, Any]] | None:
    """Step and state of the newest checkpoint that is intact, tensors on the CPU, or None where there is none.

    Newer ones that are damaged are removed, each with a line in the log.

    Raises:
        OSError: A file cannot be read for a reason other than damage, such as too many open files.
    """
    files = _files(folder)
    while files:
        newest = files.pop()
        try:
            return _load(newest)
        except _DamagedError as damage:
            then = "the training goes on from the one before it" if files else "the training starts anew"
            log.warning("checkpoint %s: %s; it is removed, and %s", newest.path, damage, then)
            newest.path.unlink()
    return None


def _files(folder: Path) -> list[_File]:
    """The checkpoints of a folder, the newest last."""
    found = [(NAME.fullmatch(path.name), path) for path in folder.glob("*.pt")]
    return sorted(_File(int(match[1]), match[2], path) for match, path in found if match)


def _load(file: _File) -> tuple[int, dict[str, Any]]:
    import torch

    try:
        digest = file_sha256(file.path)
    except OSError as error:
        if error.errno != errno.EIO:  # what is no fault of the disk may be gone at the next attempt
            raise
        raise _DamagedError(f"it cannot be read ({error.strerror})") from error
    if digest != file.digest:
        raise _DamagedError("its content is not what was written")
    try:
        stored = torch.load(file.path, map_location="cpu", weights_only=True)
        return stored["step"], stored["state"]
    except (MemoryError, OSError):
        raise
    except Exception as error:  # a file that somebody else made can raise nearly anything
        reason = str(error).partition("\n")[0]
        raise _DamagedError(f"it does not hold a state of tensors and plain values ({reason})") from error


def file_sha256(path: Path) -> str:
    """SHA-256 of the content of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def flush_to_disk(path: Path) -> None:
    """Bring a file, or the names in a folder, from the system's memory to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
