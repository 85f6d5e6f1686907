"""Hashes many files once, and remembers the hashes by path and by what the file system says of the file."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench_datasets.faults import without_faults
from bench_datasets.picture_files import regular_status
from benchmark import DataError

CACHE_VARIABLE = "BENCH_CACHE"


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """$BENCH_CACHE, or `bench` in the user's cache folder."""
    if own := environment.get(CACHE_VARIABLE):
        return Path(own).expanduser()
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bench"


def content_hashes(files: Sequence[Path], cache: Path) -> list[str]:
    """The sha256 of each file, from the JSON file `cache` where path and `_stamp` are as they were.

    A cache that cannot be read or written is done without; writers at the same time do not damage it.

    Raises:
        DataError: Files are missing or not regular; all of them are named.
    """
    known = _read(cache)
    stamps = dict(zip(files, without_faults(_stamp, files), strict=True))
    places = {file: str(file.resolve()) for file in files}
    stale = [file for file in files if known.get(places[file], ("", ""))[0] != stamps[file]]
    with ThreadPoolExecutor() as pool:
        fresh = dict(zip(stale, pool.map(_sha256, stale), strict=True))
    if fresh:
        known |= {places[file]: (stamps[file], digest) for file, digest in fresh.items()}
        _write(cache, _read(cache) | known)
    return [known[places[file]][1] for file in files]


def _stamp(file: Path) -> str:
    """What changes with the content: size, time of change, and time of change of the file's status and its inode.

    Programs can set the first two back, as `cp -p` does, but not the others.
    """
    status = regular_status(file)
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}:{status.st_ino}"


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
