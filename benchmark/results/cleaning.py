"""Which parts of a results folder no record needs, and what belongs to some records alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import StoreError
from benchmark.results.records import read_records, record_path
from benchmark.store.json_files import read_json
from benchmark.store.layout import MANIFEST, STAGE
from benchmark.store.stage_folder import StageFolder
from benchmark.store.store import Store

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Removal:
    """A file or folder that can be removed.

    Attributes:
        path: Where it is.
        why: What it is, and why nothing needs it.
        bytes: What it takes on disk.
    """

    path: Path
    why: str
    bytes: int


def unneeded_files(store: Store) -> list[Removal]:
    """Files and folders that no record of a results folder needs.

    That is: stages that no record refers to, directly or through the inputs of its stages; unfinished work of these and
    of finished stages; failures of stages that neither a record nor a folder knows; files and folders that an
    interrupted write or removal has left. Stages in work are kept, with all they read.

    Raises:
        StoreError: There is no such folder, or a record cannot be read, so that what it needs is not known.
    """
    needed = needed_stages(store, readable_records(store))
    found: list[Removal] = []
    running: set[str] = set()
    for folder in stage_folders(store):
        key = folder.path.name
        if folder.holder() is not None:  # a process holds its lock and works in it
            running.add(key)
        elif key not in needed:
            found += _removals([folder.path, folder.work], "stage that no record refers to")
        elif folder.finished():
            found += _removals([folder.work], "unfinished work of a finished stage")
    known = needed | running
    failures = sorted((store.results / "failures").glob("[!.]*.json"))
    found += _removals([path for path in failures if path.stem not in known], "failure of a stage that is not known")
    # a leftover inside a folder that is removed as a whole must not be counted twice
    removed = {removal.path for removal in found}
    leftovers = [path for path in _leftover_files(store.results) if removed.isdisjoint((path, *path.parents))]
    return found + _removals(leftovers, "left by an interrupted write or removal")


def exclusive_files(store: Store, dropped: Iterable[Record]) -> list[Removal]:
    """The files of some records, with the stages, failures and pictures that no other record needs."""
    cells = {record["cell"] for record in dropped}
    records = readable_records(store)
    own = [record for record in records if record["cell"] in cells]
    others = [record for record in records if record["cell"] not in cells]
    found = _removals([record_path(store.results, cell) for cell in sorted(cells)], "record")
    pictures = _pictures(store.results, own) - _pictures(store.results, others)
    found += _removals(sorted(pictures), "picture")
    keys = needed_stages(store, own) - needed_stages(store, others)
    for folder in stage_folders(store):
        if folder.path.name in keys:
            found += _removals([folder.path, folder.work], "stage")
    failures = [store.results / "failures" / f"{key}.json" for key in sorted(keys)]
    return found + _removals(failures, "failure")


def remove(store: Store, removals: Iterable[Removal]) -> None:
    """Remove files and folders; records first, so that none names a stage that is gone.

    Raises:
        Busy: Another process runs stages in the results folder.
        StoreError: Something cannot be removed.
    """
    ordered = sorted(removals, key=lambda removal: (removal.path.parent.name != "records", str(removal.path)))

    def remove_all() -> None:
        for removal in ordered:
            _remove(removal.path)

    # it runs while this process alone holds the folder, so that no stage starts on what is being removed
    with store.hold(remove_all):
        pass


def readable_records(store: Store) -> list[dict[str, Any]]:
    """All records; `StoreError` where one cannot be read."""
    records, problems = read_records(store.results)
    if problems:
        raise StoreError(f"nothing is removed, because what a record needs is not known: {problems[0]}")
    return records


def needed_stages(store: Store, records: Iterable[Record]) -> set[str]:
    """Keys of the stages that records refer to or that are running, and of all that these read."""
    folders = {folder.path.name: folder for folder in stage_folders(store)}
    waiting: list[Any] = [key for key, folder in folders.items() if folder.holder() is not None]
    for record in records:
        waiting += [stage.get("key") for stage in record["stages"].values()]
    needed: set[str] = set()
    while waiting:
        key = waiting.pop()
        if isinstance(key, str) and key not in needed:
            needed.add(key)
            if key in folders:
                waiting += _input_keys(folders[key])
    return needed


def stage_folders(store: Store) -> Iterator[StageFolder]:
    """Every stage of a results folder that has a folder, finished or not."""
    kinds = sorted(path for path in (store.results / "stages").glob("*") if path.is_dir())
    for kind in kinds:
        # `KEY` when finished, `KEY.work` before; names with a dot in front are removals that were interrupted
        names = {path.name.removesuffix(".work") for path in kind.iterdir() if path.is_dir()}
        for key in sorted(name for name in names if not name.startswith(".")):
            yield store.stage(kind.name, key)


def _input_keys(folder: StageFolder) -> list[str]:
    for place in (folder.path, folder.work):
        stored = read_json(place / STAGE)
        inputs = stored.get("inputs") if isinstance(stored, dict) else None
        if isinstance(inputs, dict):
            return [str(source[-1]) for source in inputs.values() if isinstance(source, list) and source]
    return []


def _leftover_files(results: Path) -> Iterator[Path]:
    """Hidden files of interrupted writes, and folders of interrupted removals."""
    for path in sorted(results.rglob(".*")):
        removed = path.name.endswith(".removed") and path.is_dir()
        partial = path.name.endswith(".partial") and path.is_file()
        if removed or (partial and not _is_in_manifest(path, results)):
            yield path


def _is_in_manifest(path: Path, results: Path) -> bool:
    """Whether a finished stage counts a file as its own."""
    for folder in path.relative_to(results).parents:
        stored = read_json(results / folder / MANIFEST)
        files = stored.get("files") if isinstance(stored, dict) else None
        if isinstance(files, dict):
            return path.relative_to(results / folder).as_posix() in files
    return False


def _pictures(results: Path, records: Iterable[Record]) -> set[Path]:
    """Pictures that records name, outside of stages; a name that leads out of their folder is not followed."""
    found = set()
    for record in records:
        for stage in record["stages"].values():
            names = [name for name in stage.get("pictures", []) if isinstance(name, str)]
            # normpath resolves "..", but no links: the paths of a record must not reach files elsewhere
            found |= {Path(os.path.normpath(results / name)) for name in names}
    return {path for path in found if path.is_relative_to(results / "pictures")}


def _removals(paths: Iterable[Path], why: str) -> list[Removal]:
    # a dangling link does not exist, but takes a place all the same
    return [Removal(path, why, _size_on_disk(path)) for path in paths if path.exists() or path.is_symlink()]


def _size_on_disk(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]
    return sum(file.lstat().st_size for file in files)


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{path}: cannot be removed ({error.strerror or error})") from error
