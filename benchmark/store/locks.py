"""A lock that its process cannot leave behind: the kernel frees it at death, so a dead stage never looks alive."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmark.errors import StoreError

_mine: set[Path] = set()
"""Locks of this process. POSIX frees a file's locks when the process closes any descriptor of it, and never
refuses the process that holds them, so the kernel must not be asked about these."""


class Busy(Exception):
    """Another process, or another part of this one, holds the lock."""


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock file, which says who holds it; `Busy` at once when another does.

    POSIX record locks are used because a fork does not inherit them: helpers of a dead stage cannot keep it locked.
    """
    descriptor = _acquire(path)
    _mine.add(path)
    try:
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}
        os.truncate(descriptor, 0)
        os.write(descriptor, json.dumps(holder).encode())
        yield
    finally:
        _mine.discard(path)
        with suppress(FileNotFoundError):
            path.unlink()
        os.close(descriptor)


def holder(path: Path) -> dict[str, Any] | None:
    """Who holds a lock (`pid`, `host`, `since`), or None when nobody does."""
    if path not in _mine and not _held_elsewhere(path):
        return None
    try:
        stored: dict[str, Any] = json.loads(path.read_text()) if path not in _mine else {"pid": os.getpid()}
    except (OSError, ValueError):  # taken or freed this very moment
        return {}
    return stored


def _acquire(path: Path) -> int:
    if path in _mine:
        raise Busy(path)
    while True:
        descriptor = _open(path)
        try:
            _lock(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        # The last holder unlinks the file: what was locked here may no longer be the one others will open.
        with suppress(FileNotFoundError):
            if os.fstat(descriptor).st_ino == path.stat().st_ino:
                return descriptor
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreError.unwritable(path, error) from error


def _lock(descriptor: int) -> None:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            raise Busy from error
        raise StoreError(f"the results folder's file system offers no locks ({error.strerror})") from error


def _held_elsewhere(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        _lock(descriptor)
    except Busy:
        return True
    finally:
        os.close(descriptor)
    return False
