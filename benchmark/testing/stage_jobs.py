"""Stages for an executor to run: each prepares a data set that behaves as its options say."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from benchmark.api.dataset import ClassSet, Dataset, Sample
from benchmark.api.executor import Job
from benchmark.api.options import PluginOptions
from benchmark.store.layout import STAGE
from benchmark.store.stage_folder import StageFolder
from benchmark.store.store import Store

Behaviour = Literal["finish", "raise", "exit", "be killed", "wait"]

NAME = "executor-suite"
REGISTRY = f"""
[[dataset]]
name = "{NAME}"
entry = "benchmark.testing.stage_jobs:BehavingDataset"
"""
EXIT_CODE = 3
LONGEST_WAIT = 120.0
"""Seconds after which a job that waits gives up, should nobody end it."""


class BehavingOptions(PluginOptions):
    """What the job does.

    Attributes:
        behaviour: How it ends; "wait": when a file is there.
        gate: That file.
        note: File in which the job notes the id of its process.
    """

    behaviour: Behaviour = "finish"
    gate: str = ""
    note: str = ""


class BehavingDataset(Dataset):
    """A data set of one grey image that may end its process instead of giving it."""

    Options = BehavingOptions
    options: BehavingOptions

    @property
    def classes(self) -> ClassSet:
        """One class."""
        return ClassSet(("grey",), ((127, 127, 127),))

    def ids(self, split: str) -> Sequence[str]:
        """One id."""
        return ["grey"]

    def sample(self, split: str, id: str) -> Sample:
        """The image, or what the options say."""
        if self.options.note:
            Path(self.options.note).write_text(str(os.getpid()))
        self._behave()
        return Sample(np.full((4, 4, 3), 127, np.uint8), None, id)

    def fingerprint(self, split: str) -> str:
        """Always the same."""
        return "grey"

    def _behave(self) -> None:
        if self.options.behaviour == "raise":
            raise ValueError("no grey is left")
        if self.options.behaviour == "exit":
            os._exit(EXIT_CODE)
        if self.options.behaviour == "be killed":
            os.kill(os.getpid(), signal.SIGKILL)
        end = time.monotonic() + LONGEST_WAIT
        while self.options.behaviour == "wait" and not Path(self.options.gate).exists():
            if time.monotonic() > end:
                raise TimeoutError(f"{self.options.gate} is not there")
            time.sleep(0.02)


class StageJobs:
    """Makes jobs in a folder.

    Args:
        folder: A new project, with the results in it.
    """

    def __init__(self, folder: Path) -> None:
        self._project = folder
        self._results = folder / "results"
        self._made = 0
        (folder / "registry.toml").write_text(REGISTRY)

    def job(self, behaviour: Behaviour, timeout: float | None = None) -> Job:
        """A job of its own; its key is unlike that of all others."""
        self._made += 1
        key = f"job{self._made}"
        options = {"behaviour": behaviour, "gate": str(self._gate), "note": str(self._note(key))}
        dataset = {"name": NAME, "version": "1", "options": options}
        spec = {"kind": "prepare", "dataset": dataset, "fingerprint": "grey", "split": "train", "size": [4, 4]}
        return Job(
            results=str(self._results),
            project=str(self._project),
            kind="prepare",
            key=key,
            plugin=NAME,
            seed=None,
            spec=spec,
            inputs={},
            device="cpu",
            timeout=timeout,
        )

    def open_gate(self) -> None:
        """Let the jobs that wait go on."""
        self._gate.touch()

    def folder(self, job: Job) -> StageFolder:
        """Where a job leaves its result."""
        return Store(self._results).stage(job.kind, job.key)

    def is_whole(self, job: Job) -> bool:
        """Whether the result of a job is there."""
        folder = self.folder(job)
        return folder.finished() and (folder.path / STAGE).is_file()

    def process(self, job: Job) -> int | None:
        """The process that does, or did, the work of a job; None before it started."""
        note = self._note(job.key)
        text = note.read_text() if note.exists() else ""
        return int(text) if text else None

    @property
    def _gate(self) -> Path:
        return self._project / "gate"

    def _note(self, key: str) -> Path:
        return self._project / f"{key}.pid"
