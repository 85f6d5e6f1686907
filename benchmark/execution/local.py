"""One process per stage on this machine: a crash, a leak or a hang in one stage cannot reach another."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from multiprocessing.connection import wait as wait_for_any
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from pydantic import Field

from benchmark.api.executor import Executor, Job, Outcome
from benchmark.api.options import PluginOptions
from benchmark.errors import UsageError
from benchmark.execution.machine import cores, memory_gib, visible_gpus
from benchmark.execution.preload import VARIABLE
from benchmark.execution.worker import die_with, lead_group, main, read_outcome, stage_folder
from benchmark.plan.stage_kinds import STAGE_KINDS

PRELOAD = (
    "numpy.random",
    "PIL.Image",
    "torch",
    *dict.fromkeys(kind.work.partition(":")[0] for kind in STAGE_KINDS.values()),
    "benchmark.execution.worker",
)
GIB_PER_SLOT = 3
FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class LocalOptions(PluginOptions):
    """What of the machine the stages get."""

    slots: int | None = Field(
        default=None,
        ge=1,
        description="Stages at a time; by default one per GPU, or else one per core, as memory allows.",
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        description="CPU threads per stage; by default the cores divided by the stages beside each other.",
    )
    gpus: tuple[str, ...] | None = Field(
        default=None, description="GPUs as CUDA_VISIBLE_DEVICES names them; by default those visible, empty for none."
    )


@dataclass
class _Running:
    job: Job
    file: Path
    process: ForkServerProcess
    deadline: float


class LocalExecutor(Executor):
    """Forks a process per stage from a server that has the heavy imports done.

    Stages that compute take slots of one kind, GPUs where there are some; beside GPUs, stages that need none have
    slots of their own.
    """

    Options = LocalOptions

    def __init__(self, options: LocalOptions | None = None) -> None:
        options = options or LocalOptions()
        self._gpus = visible_gpus() if options.gpus is None else options.gpus
        self._cpu_slots = max(1, min(cores(), int(memory_gib() / GIB_PER_SLOT)))
        self.slots = options.slots or len(self._gpus) or self._cpu_slots
        self._threads = options.threads
        self._context = multiprocessing.get_context("forkserver")
        self._jobs = tempfile.TemporaryDirectory(prefix="bench-")
        self._running: dict[str, _Running] = {}

    def submit(self, job: Job) -> bool:
        """Start a process for the job if a slot is free; `UsageError` when it asks for a GPU and there is none."""
        if job.device == "cuda" and not self._gpus:
            raise UsageError("device: cuda was asked for, but no GPU is visible; ask for auto or cpu  (bench doctor)")
        if not self._has_room(job):
            return False
        threads = self._threads or max(1, cores() // min(self.slots, 1 + job.peers))
        job = replace(job, threads=threads, gpu=self._least_loaded_gpu() if self._on_gpu(job) else "")
        file = Path(self._jobs.name) / f"{job.key}.json"
        file.write_text(json.dumps(asdict(job)))
        process = self._context.Process(target=_stage_process, args=(str(file),), name=f"bench {job.kind}")
        with self._server_environment(job):
            process.start()
        deadline = time.monotonic() + (job.timeout or math.inf)
        self._running[job.key] = _Running(job, file, process, deadline)
        return True

    def wait(self, seconds: float) -> list[tuple[str, Outcome]]:
        """Outcomes of the processes that ended, or were ended because their time was over."""
        if not self._running:
            time.sleep(seconds)
            return []
        nearest = min(running.deadline for running in self._running.values()) - time.monotonic()
        sentinels = [running.process.sentinel for running in self._running.values()]
        wait_for_any(sentinels, timeout=max(0.0, min(seconds, nearest)))
        now = time.monotonic()
        over = [key for key, one in self._running.items() if one.process.exitcode is not None or now >= one.deadline]
        return [(key, _judged(self._running.pop(key))) for key in over]

    def close(self) -> None:
        """Kill what runs; a stage goes on from its last checkpoint when it is run again."""
        while self._running:
            _ended(self._running.popitem()[1])
        self._jobs.cleanup()

    def _on_gpu(self, job: Job) -> bool:
        return bool(self._gpus) and STAGE_KINDS[job.kind].needs_gpu and job.device != "cpu"

    def _has_room(self, job: Job) -> bool:
        beside = sum(self._on_gpu(one.job) == self._on_gpu(job) for one in self._running.values())
        return beside < (self.slots if self._on_gpu(job) or not self._gpus else self._cpu_slots)

    def _least_loaded_gpu(self) -> str:
        load = Counter(running.job.gpu for running in self._running.values())
        return min(self._gpus, key=lambda gpu: load[gpu])

    @contextmanager
    def _server_environment(self, job: Job) -> Iterator[None]:
        """What the server of the forks must find in its environment when the first process starts it."""
        wanted = {
            VARIABLE: ",".join([*PRELOAD, *job.preload]),
            # Asking the driver library for its devices, as some imports do, would spoil CUDA for every fork.
            "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
            # The server is given sys.path, and ignores it before Python 3.13.
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        } | ({} if self._gpus and job.device != "cpu" else {"CUDA_VISIBLE_DEVICES": ""})
        self._context.set_forkserver_preload(["benchmark.execution.preload"])
        before = {name: os.environ.get(name) for name in wanted}
        os.environ |= wanted
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


def _stage_process(job_file: str) -> None:
    lead_group()
    parent = multiprocessing.parent_process()
    assert parent is not None
    die_with(parent.join)
    main(job_file)
    # Threads and exit handlers that a plugin left behind have no say in when its process ends.
    os._exit(0)


def _judged(running: _Running) -> Outcome:
    """How a job ended whose process ended, or whose time is over."""
    in_time = running.process.exitcode is not None
    code = _ended(running)
    outcome = read_outcome(running.file)
    if outcome is not None:
        return outcome
    status, reason = _death(code)
    if not in_time:
        status, reason = "timeout", f"not done after {running.job.timeout:g} s, the time limit of a stage"
    return Outcome(status, f"{running.job.plugin}: {reason}", stage_folder(running.job).log_tail())


def _ended(running: _Running) -> int | None:
    """Make sure that no process of a job is left; the exit code of its first one."""
    process = running.process
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid or 0, signal.SIGKILL)
    if process.exitcode is None:  # it may not lead a group yet
        process.kill()
    process.join()
    code = process.exitcode
    process.close()
    return code


def _death(code: int | None) -> tuple[str, str]:
    """Status and reason of a process that ended without a word."""
    if code is None or code >= 0:
        return "failed", f"the process exited with code {code}"
    name = signal.Signals(-code).name
    if -code in FROM_OUTSIDE:
        return "interrupted", f"the process was killed by signal {-code} ({name}): out of memory, or ended from outside"
    return "failed", f"the process was killed by signal {-code} ({name})"
