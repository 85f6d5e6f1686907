"""What is in a results folder: finished, running, interrupted and failed stages, and their size."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.report.stage_labels import count_of
from benchmark.report.tables import EMPTY, TextTable, duration
from benchmark.store.json_files import read_json
from benchmark.store.layout import LOG, STAGE
from benchmark.store.stage_folder import StageFolder
from benchmark.store.store import Store

STATES = ("finished", "running", "interrupted", "failed")
LOG_LINES = 3


@dataclass(frozen=True)
class StageStatus:
    """One stage as the disk shows it.

    Attributes:
        kind, key: Where it lies.
        name: Plugin and seed, where its folder tells.
        state: One of `STATES`; a failed stage is one whose last attempt failed.
        bytes: What it takes on disk.
        detail: How far it is, or why it failed.
        log: Its log file, where there is one.
        log_tail: Last lines of an unfinished stage's log.
    """

    kind: str
    key: str
    name: str
    state: str
    bytes: int
    detail: str = ""
    log: Path | None = None
    log_tail: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return vars(self) | {"log": None if self.log is None else str(self.log), "log_tail": list(self.log_tail)}


def stage_statuses(store: Store) -> list[StageStatus]:
    """All stages of a results folder, finished or not, and failures that left nothing but their reason."""
    found = [_status(store, folder.parent.name, key) for folder, key in _stage_folders(store.results / "stages")]
    known = {status.key for status in found}
    failed = sorted(path.stem for path in (store.results / "failures").glob("*.json"))
    without_folder = [key for key in failed if key not in known]
    return found + [_failed_status(store, EMPTY, key, EMPTY, 0) for key in without_folder]


def _stage_folders(stages: Path) -> Iterator[tuple[Path, str]]:
    """Every stage once, whether it is finished, in work or both."""
    kinds = sorted(path for path in stages.glob("*") if path.is_dir())
    for kind in kinds:
        keys = {path.name.removesuffix(".work") for path in kind.iterdir() if path.is_dir()}
        for key in sorted(keys):
            if not key.startswith("."):  # the rest of a removal that was interrupted
                yield kind / key, key


def _status(store: Store, kind: str, key: str) -> StageStatus:
    folder = store.stage(kind, key)
    name, size = _name(folder), _size_on_disk(folder.path) + _size_on_disk(folder.work)
    if folder.finished():
        seconds = folder.result().get("seconds")
        detail = "" if seconds is None else duration(seconds)
        return StageStatus(kind, key, name, "finished", size, detail)
    log = folder.work / LOG
    if (holder := folder.holder()) is not None:
        detail = f"{_progress(folder)} (process {holder.get('pid', '?')} on {holder.get('host', 'this machine')})"
        return StageStatus(kind, key, name, "running", size, detail, log, folder.log_tail())
    if store.failure(key) is not None:
        return _failed_status(store, kind, key, name, size, log)
    # nobody holds its lock and no failure is recorded: its process was killed
    next_start = "goes on from its checkpoint" if folder.resumable() else "starts anew"
    detail = f"{_progress(folder)}; {next_start}"
    return StageStatus(kind, key, name, "interrupted", size, detail, log, folder.log_tail())


def _failed_status(store: Store, kind: str, key: str, name: str, size: int, log: Path | None = None) -> StageStatus:
    failure = store.failure(key)
    if failure is None:
        return StageStatus(kind, key, name, "failed", size, "its failure cannot be read")
    attempts = f" ({failure.attempts} attempts)" if failure.attempts > 1 else ""
    detail = f"{failure.status}: {failure.reason}{attempts}"
    log = log if log is not None and log.exists() else None
    return StageStatus(kind, key, name, "failed", size, detail, log, failure.log_tail)


def _name(folder: StageFolder) -> str:
    """Plugin and seed, as the stage noted them when it began."""
    for place in (folder.path, folder.work):
        if isinstance(noted := read_json(place / STAGE), dict):
            seed = "" if noted.get("seed") is None else f", seed {noted['seed']}"
            return f"{noted.get('plugin', EMPTY)}{seed}"
    return EMPTY


def _progress(folder: StageFolder) -> str:
    progress = folder.progress()
    if progress is None:
        return "no progress reported yet"
    amount = f"{progress.get('done', '?')}/{progress.get('total', '?')} {progress.get('unit', '')}".rstrip()
    reported = progress.get("time")
    age = time.time() - reported if isinstance(reported, (int, float)) else 0.0
    return f"{amount}, reported {duration(max(0.0, age))} ago"


def _size_on_disk(folder: Path) -> int:
    if not folder.is_dir():
        return 0
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def status_grid(results: Path, statuses: Sequence[StageStatus]) -> TextTable:
    """How many stages of each kind are in which state, and what they take; all that is not finished below."""
    if not statuses:
        return _without_stages(results)
    counts: Counter[tuple[str, str]] = Counter()
    sizes: Counter[str] = Counter()
    notes: list[str] = []
    for status in statuses:
        counts[status.kind, status.state] += 1
        sizes[status.kind] += status.bytes
        if status.state != "finished":
            notes += _lines(status)
    rows = []
    for kind, size in sizes.items():  # in the order in which the kinds came
        numbers = [str(counts[kind, state] or EMPTY) for state in STATES]
        rows.append((kind, *numbers, megabytes(size)))
    return TextTable(
        title=f"{results}: {len(statuses)} stages, {megabytes(sum(sizes.values()))}",
        headings=("stage", *STATES, "disk"),
        rows=tuple(rows),
        notes=tuple(notes),
    )


def _without_stages(results: Path) -> TextTable:
    """One line for a folder that has records at most, as published ones do."""
    records = len(list((results / "records").glob("*.json")))
    if not records:
        return TextTable(f"{results}: empty; run `bench matrix`", headings=("stage", *STATES, "disk"), rows=())
    return TextTable(
        title=f"{results}: {count_of(records, 'record')} without stages, as in a published folder",
        headings=("stage", *STATES, "disk"),
        rows=(),
        notes=(f"`bench leaderboard --results {results}` prints the records; their stages are not on this machine.",),
    )


def _lines(status: StageStatus) -> Iterator[str]:
    yield f"{status.state.upper()}  {status.kind} {status.name} [{status.key[:8]}]: {status.detail}"
    yield from (f"    | {line}" for line in status.log_tail[-LOG_LINES:])
    if status.log is not None:
        yield f"    log: {status.log}"


def megabytes(size: int) -> str:
    """A size for people.

    >>> megabytes(2_500_000)
    '2.5 MB'
    """
    return f"{size / 1e6:.1f} MB"
