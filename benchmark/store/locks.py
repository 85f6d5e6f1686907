"""A lock that its process cannot leave behind: the kernel frees it at death, so a dead stage never looks alive."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmark.errors import StoreError

_FLOCK = struct.Struct("@hhqqi4x")
"""`struct flock` of 64-bit Linux: type, whence, start, length, process."""
_held_here: set[Path] = set()
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
    _held_here.add(path)
    try:
        # for people alone: that the stage is taken is the kernel's lock, not what the file says
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}
        os.truncate(descriptor, 0)
        os.write(descriptor, json.dumps(holder).encode())
        yield
    finally:
        _held_here.discard(path)
        # unlinked before it is closed: closing frees the lock, and the file could then be another's
        with suppress(FileNotFoundError):
            path.unlink()
        os.close(descriptor)


@contextmanager
def shared(path: Path, *, exclusive_first: Callable[[], object] | None = None) -> Iterator[None]:
    """Hold a lock file together with others that hold it so.

    Args:
        path: The file; it is left there.
        exclusive_first: What to do before others may join; `Busy` when there are others already.
    """
    descriptor = _open(path)
    try:
        if exclusive_first is not None:
            _lock(descriptor)
            exclusive_first()
        fcntl.lockf(descriptor, fcntl.LOCK_SH)  # waits while another clears the folder
        yield
    finally:
        os.close(descriptor)


def holder(path: Path) -> dict[str, Any] | None:
    """Who holds a lock (`pid`, `host`, `since`), or None when nobody does."""
    if path not in _held_here and not _held_elsewhere(path):
        return None
    try:
        stored: dict[str, Any] = json.loads(path.read_text()) if path not in _held_here else {"pid": os.getpid()}
    except (OSError, ValueError):  # taken or freed this very moment
        return {}
    return stored


def _acquire(path: Path) -> int:
    if path in _held_here:
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
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
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
    """Whether another process holds a lock; asking takes nothing, so that a file that may only be read will do."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        if sys.platform != "linux":  # the form of `struct flock` is another one
            fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
        found = fcntl.fcntl(descriptor, fcntl.F_GETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        return bool(_FLOCK.unpack(found)[0] != fcntl.F_UNLCK)
    except OSError as error:  # another's lock, or a file system without locks
        return error.errno in (errno.EACCES, errno.EAGAIN)
    finally:
        os.close(descriptor)
