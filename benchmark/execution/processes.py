"""Processes that stages leave behind: found by their parents, and ended."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path


def descendants(pid: int, proc: Path = Path("/proc")) -> list[int]:
    """Processes that a process has started, directly or through each other; empty without `/proc`."""
    children: dict[int, list[int]] = {}
    for folder in proc.glob("[0-9]*"):
        parent = _parent(folder)
        if parent is not None:
            children.setdefault(parent, []).append(int(folder.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        of_one = children.get(waiting.pop(), [])
        found += of_one
        waiting += of_one
    return found


def kill_all(pids: list[int]) -> None:
    """End processes that may have ended already."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _parent(folder: Path) -> int | None:
    try:
        # the name of the program stands in parentheses, and may hold spaces and parentheses itself
        return int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):  # it has just ended
        return None
