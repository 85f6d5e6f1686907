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
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import wait as wait_for_any
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from pydantic import Field

from benchmark.api.executor import Executor, Job, Outcome
from benchmark.api.options import PluginOptions
from benchmark.errors import StoreError, UsageError
from benchmark.execution.machine import cores, memory_gib, visible_gpus
from benchmark.execution.preload import VARIABLE
from benchmark.execution.processes import descendants, kill_all
from benchmark.execution.worker import end_with_parent, lead_group, main, read_outcome, stage_folder
from benchmark.plan.stage_kinds import STAGE_KINDS

PRELOAD = (
    "numpy.random",
    "PIL.Image",
    "torch",
    *dict.fromkeys(kind.work.partition(":")[0] for kind in STAGE_KINDS.values()),
    "benchmark.execution.worker",
)
GIB_PER_SLOT = 3
STARTS = 2
"""How often the start of a process is tried."""
FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGBUS)
"""Signals that say nothing about a stage; SIGBUS comes where a mapped file has lost its disk."""
SERVER_GONE = 255
"""Exit code that Python reports for a process when the server it was forked from has died."""


class LocalOptions(PluginOptions):
    """How many stages run at a time, and on which GPUs."""

    slots: int | None = Field(
        default=None,
        ge=1,
        description="Stages at a time; by default one per GPU, or else the cores divided by the threads of a stage, "
        "as memory allows.",
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
        self._slots = options.slots
        self._context = multiprocessing.get_context("forkserver")
        self._jobs = tempfile.TemporaryDirectory(prefix="bench-")
        self._running: dict[str, _Running] = {}

    def submit(self, job: Job) -> bool:
        """Start a process for the job if a slot is free; `UsageError` when it asks for a GPU and there is none."""
        if job.device == "cuda" and not self._gpus:
            raise UsageError("device: cuda was asked for, but no GPU is visible; ask for auto or cpu  (bench doctor)")
        if not self._has_room(job):
            return False
        # an empty name hides all GPUs, so that no stage uses one that it has no slot for
        gpu = self._least_loaded_gpu() if self._on_gpu(job) else ""
        job = replace(job, gpu=gpu)
        file = Path(self._jobs.name) / f"{job.key}.json"
        try:
            file.write_text(json.dumps(asdict(job)))
        except OSError as error:
            hint = "make room in the temporary folder, or set TMPDIR to another"
            raise StoreError(f"{file}: cannot be written ({error.strerror or error}); {hint}") from error
        with self._server_environment(job):
            process = self._start_process(job, file)
        deadline = time.monotonic() + (job.timeout or math.inf)
        self._running[job.key] = _Running(job, file, process, deadline)
        return True

    def wait(self, seconds: float) -> list[tuple[str, Outcome]]:
        """Outcomes of the processes that ended, or were ended because their time was over."""
        if not self._running:
            time.sleep(seconds)
            return []
        deadline = min(running.deadline for running in self._running.values())
        sentinels = [running.process.sentinel for running in self._running.values()]
        wait_for_any(sentinels, timeout=max(0.0, min(seconds, deadline - time.monotonic())))
        now = time.monotonic()
        outcomes = []
        for key, running in list(self._running.items()):
            if running.process.exitcode is not None or now >= running.deadline:
                del self._running[key]
                outcomes.append((key, _outcome_of(running)))
        return outcomes

    def close(self) -> None:
        """Kill what runs; a stage goes on from its last checkpoint when it is run again."""
        while self._running:
            _end_processes(self._running.popitem()[1])
        self._jobs.cleanup()

    def slots(self, job: Job) -> int:
        """How many stages like this one run at a time."""
        if self._slots and (self._on_gpu(job) or not self._gpus):
            return self._slots
        if self._on_gpu(job):
            return len(self._gpus)
        return max(1, min(cores() // job.threads, int(memory_gib() / GIB_PER_SLOT)))

    def _start_process(self, job: Job, file: Path) -> ForkServerProcess:
        """A process for a job; the server it is forked from is started anew where it has died."""
        for attempt in range(STARTS):
            process = self._context.Process(target=_stage_process, args=(str(file),), name=f"bench {job.kind}")
            try:
                process.start()
            except (EOFError, ConnectionError) as error:
                if attempt + 1 == STARTS:
                    raise StoreError(
                        "the server that stages are forked from was ended from outside, and again when it was started "
                        "anew; run the same command again"
                    ) from error
            except OSError as error:
                raise StoreError(
                    f"no process could be started for a stage ({error.strerror or error}); too many processes, too "
                    "little memory, or a TMPDIR whose path is too long: mend that and run the same command again"
                ) from error
            else:
                return process
        raise AssertionError("a loop of at least one attempt")

    def _on_gpu(self, job: Job) -> bool:
        return bool(self._gpus) and STAGE_KINDS[job.kind].needs_gpu and job.device != "cpu"

    def _has_room(self, job: Job) -> bool:
        beside = sum(self._on_gpu(one.job) == self._on_gpu(job) for one in self._running.values())
        return beside < self.slots(job)

    def _least_loaded_gpu(self) -> str:
        load = Counter(running.job.gpu for running in self._running.values())
        return min(self._gpus, key=lambda gpu: load[gpu])

    @contextmanager
    def _server_environment(self, job: Job) -> Iterator[None]:
        """What the server of the forks must find in its environment when the first process starts it."""
        variables = {
            VARIABLE: ",".join([*PRELOAD, *job.preload]),
            # Asking the driver library for its devices, as some imports do, would spoil CUDA for every fork.
            "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
            # The server is given sys.path, and ignores it before Python 3.13.
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        if not self._gpus or job.device == "cpu":
            variables["CUDA_VISIBLE_DEVICES"] = ""
        self._context.set_forkserver_preload(["benchmark.execution.preload"])
        before = {name: os.environ.get(name) for name in variables}
        os.environ |= variables
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def _stage_process(job_file: str) -> None:
    lead_group()
    _close_server_pipes()
    parent = multiprocessing.parent_process()
    assert parent is not None
    end_with_parent(parent.join)
    try:
        main(job_file)
    except StoreError:  # there is no room in the temporary folder to say how it ended
        kill_all(descendants(os.getpid()))
        os._exit(os.EX_IOERR)
    kill_all(descendants(os.getpid()))
    # Threads and exit handlers that a plugin left behind have no say in when its process ends.
    os._exit(0)


def _close_server_pipes() -> None:
    """Close what would keep the server alive for as long as a process that a plugin detached holds it open."""
    # private names of the standard library, which may be gone in a later version: then nothing is closed
    pipes = ((forkserver._forkserver, "_forkserver_alive_fd"), (resource_tracker._resource_tracker, "_fd"))
    for owner, name in pipes:
        descriptor = getattr(owner, name, None)
        if isinstance(descriptor, int):
            setattr(owner, name, None)
            os.close(descriptor)


def _outcome_of(running: _Running) -> Outcome:
    """Outcome of a job after its process ended or its time limit passed."""
    in_time = running.process.exitcode is not None
    code = _end_processes(running)
    outcome = read_outcome(running.file)
    if outcome is not None:
        return outcome
    if stage_folder(running.job).finished():  # it died, or found no room, after its work was done
        return Outcome("done")
    status, reason = _status_of_exit(code)
    if not in_time:
        status, reason = "timeout", f"not done after {running.job.timeout:g} s, the time limit of a stage"
    return Outcome(status, f"{running.job.plugin}: {reason}", stage_folder(running.job).log_tail())


def _end_processes(running: _Running) -> int | None:
    """Make sure that no process of a job is left; the exit code of its first one."""
    process = running.process
    if process.pid is not None:
        helpers = descendants(process.pid)  # before it is killed: without it, its children have another parent
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        kill_all(helpers)
    if process.exitcode is None:  # it may not lead a group yet
        process.kill()
    process.join()
    code = process.exitcode
    process.close()
    return code


def _status_of_exit(code: int | None) -> tuple[str, str]:
    """Status and reason of a process that ended without storing its outcome."""
    if code == SERVER_GONE:
        return "interrupted", "the server that stages are forked from was ended from outside"
    if code == os.EX_IOERR:
        return "interrupted", f"no room in the temporary folder {tempfile.gettempdir()} to note how it ended"
    if code is None or code >= 0:
        return "failed", f"the process exited with code {code}"
    name = signal.Signals(-code).name
    if -code in FROM_OUTSIDE:
        return "interrupted", f"the process was killed by signal {-code} ({name}): out of memory, or ended from outside"
    return "failed", f"the process was killed by signal {-code} ({name})"
