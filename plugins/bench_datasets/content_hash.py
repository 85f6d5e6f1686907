"""Hashes many files once, and remembers the hashes by path, size and time of change."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmark import DataError

CACHE_VARIABLE = "BENCH_CACHE"


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """$BENCH_CACHE, or `bench` in the user's cache folder."""
    if own := environment.get(CACHE_VARIABLE):
        return Path(own).expanduser()
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bench"


def content_hashes(files: Sequence[Path], cache: Path) -> list[str]:
    """The sha256 of each file, from the JSON file `cache` where path, size and time of change are as they were.

    A cache that cannot be read or written is done without; writers at the same time do not damage it.
    """
    known = _read(cache)
    stamps = [_stamp(file) for file in files]
    stale = [
        (file, stamp) for file, stamp in zip(files, stamps, strict=True) if known.get(str(file), ("", ""))[0] != stamp
    ]
    with ThreadPoolExecutor() as pool:
        fresh = dict(zip((str(f) for f, _ in stale), pool.map(_sha256, (f for f, _ in stale)), strict=True))
    if fresh:
        known |= {str(file): (stamp, fresh[str(file)]) for file, stamp in stale}
        _write(cache, _read(cache) | known)
    return [known[str(file)][1] for file in files]


def _stamp(file: Path) -> str:
    try:
        status = file.stat()
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror or error}); put the file back") from error
    return f"{status.st_size}:{status.st_mtime_ns}"


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror or error}); put the file back") from error


def _read(cache: Path) -> dict[str, tuple[str, str]]:
    try:
        return {path: (stamp, digest) for path, (stamp, digest) in json.loads(cache.read_text()).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _write(cache: Path, entries: Mapping[str, tuple[str, str]]) -> None:
    partial = cache.with_name(f"{cache.name}.{os.getpid()}.partial")
    with contextlib.suppress(OSError):  # a cache saves time only: a read-only folder must not stop a run
        cache.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(entries))
        partial.replace(cache)
