"""One stage on disk: it appears whole or not at all."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

from benchmark.api.checkpoints import file_sha256, flush_to_disk
from benchmark.api.stage_context import CHECKPOINTS, PICTURES
from benchmark.errors import PluginError
from benchmark.store.json_files import read_json, write_json
from benchmark.store.layout import LOG, MANIFEST, PROGRESS, RESULT
from benchmark.store.locks import Busy, exclusive, holder

INESSENTIAL = (LOG, PICTURES, "tensorboard")
"""Files and folders of a finished stage whose loss does not make it unfinished."""
LOG_TAIL_LINES, LOG_LINE_CHARACTERS = 20, 500


class StageFolder:
    """One stage on disk: `path` once it is finished, `work` until then.

    Args:
        parent: The folder of all stages of its kind.
        key: Content key of the stage.
    """

    def __init__(self, parent: Path, key: str) -> None:
        self.path = parent / key
        self.work = parent / f"{key}.work"
        self._lock = parent / f"{key}.lock"

    def lock(self) -> AbstractContextManager[None]:
        """Hold the stage while working on it; raises `Busy` at once when another process does."""
        return exclusive(self._lock)

    def holder(self) -> dict[str, Any] | None:
        """Who works on the stage right now: `pid`, `host`, `since`; None when nobody does."""
        return holder(self._lock)

    def finished(self) -> bool:
        """Whether the stage is complete, by the names and sizes of its files; logs and pictures may be missing."""
        files = _essential_files(self.path)
        if files is None:
            return False
        return all(_size(self.path / name) == entry["size"] for name, entry in files.items())

    def intact(self) -> bool:
        """Whether the stage is complete and its files still have the content it was finished with."""
        files = _essential_files(self.path)
        if files is None or not self.finished():  # sizes first: hashing large files takes long
            return False
        return all(file_sha256(self.path / name) == entry["sha256"] for name, entry in files.items())

    def resumable(self) -> bool:
        """Whether an unfinished attempt left a checkpoint to go on from."""
        folder = self.work / CHECKPOINTS
        return folder.is_dir() and any(folder.iterdir())

    def start(self) -> Path:
        """The folder to work in: as the last attempt left it if that can be resumed, empty otherwise.

        Call it with the lock held. What a damaged finished stage left is removed.
        """
        _remove(self.path)
        if not self.resumable():
            _remove(self.work)
        self.work.mkdir(parents=True, exist_ok=True)
        return self.work

    def finish(self) -> None:
        """Turn the work folder into a finished stage, in one step that survives a power cut; lock held.

        Raises:
            PluginError: The stage has left a file of a name that is the harness's own.
        """
        if (self.work / MANIFEST).exists():
            raise PluginError(f"a plugin wrote {MANIFEST} into the folder of its stage; choose another name")
        for partial in self.work.rglob(".*.partial"):
            partial.unlink()
        _remove(self.work / CHECKPOINTS)
        (self.work / PROGRESS).unlink(missing_ok=True)
        files = sorted(path for path in self.work.rglob("*") if path.is_file())
        entries = {}
        for path in files:
            name = path.relative_to(self.work).as_posix()
            entries[name] = {"size": path.stat().st_size, "sha256": file_sha256(path)}
        write_json(self.work / MANIFEST, {"files": entries}, indent=1)
        # contents and names reach the disk before the rename, which else could outlive them in a power cut
        folders = [path for path in self.work.rglob("*") if path.is_dir()]
        for path in [*files, self.work / MANIFEST, *folders, self.work]:
            flush_to_disk(path)
        self.work.rename(self.path)
        flush_to_disk(self.path.parent)

    def discard(self, *, only_damaged: bool) -> bool:
        """Remove the finished stage, and unfinished work unless only damage is looked for.

        Returns:
            Whether the stage is to be made again. A stage that another process works on is left to it.
        """
        try:
            with self.lock():
                if only_damaged and self.intact():
                    return False
                _remove(self.path)
                if not only_damaged:
                    _remove(self.work)
        except Busy:
            pass
        return True

    def result(self) -> dict[str, Any]:
        """What the finished stage noted about itself: `seconds`, `device`, `precision`, `facts`."""
        stored = read_json(self.path / RESULT)
        return stored if isinstance(stored, dict) else {}

    def seconds(self) -> float:
        """How long the finished stage took; 0 where it does not say."""
        seconds = self.result().get("seconds")
        return float(seconds) if isinstance(seconds, (int, float)) else 0.0

    def progress(self) -> dict[str, Any] | None:
        """How far the running stage is, as it last said."""
        stored = read_json(self.work / PROGRESS)
        return stored if isinstance(stored, dict) and is_progress(stored) else None

    def log_tail(self) -> tuple[str, ...]:
        """The last lines that the unfinished stage wrote."""
        try:
            with (self.work / LOG).open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - LOG_TAIL_LINES * LOG_LINE_CHARACTERS))  # a log may have grown large
                text = file.read().decode(errors="replace")
        except OSError:
            return ()
        lines = [line.rstrip()[:LOG_LINE_CHARACTERS] for line in text.splitlines() if line.strip()]
        return tuple(lines[-LOG_TAIL_LINES:])


def is_progress(value: Mapping[str, Any]) -> bool:
    """Whether `done` and `total` of a progress report are finite numbers."""
    numbers = [value.get(name) for name in ("done", "total")]
    return all(isinstance(number, (int, float)) and math.isfinite(number) for number in numbers)


def _essential_files(folder: Path) -> dict[str, dict[str, Any]] | None:
    """Entries of the manifest, without files that no stage and no record reads numbers from."""
    files = _manifest(folder)
    if files is None:
        return None
    return {name: entry for name, entry in files.items() if name.partition("/")[0] not in INESSENTIAL}


def _manifest(folder: Path) -> dict[str, dict[str, Any]] | None:
    stored = read_json(folder / MANIFEST)
    files = stored.get("files") if isinstance(stored, dict) else None
    return files if isinstance(files, dict) else None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _remove(path: Path) -> None:
    """Remove a folder; its name is free at once, so that a crash halfway leaves no half folder under it."""
    renamed = path.with_name(f".{path.name}.removed")
    shutil.rmtree(renamed, ignore_errors=True)  # of an earlier removal that was interrupted
    with suppress(FileNotFoundError):
        path.rename(renamed)
        shutil.rmtree(renamed, ignore_errors=True)
