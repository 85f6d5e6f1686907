"""Contract of an executor, which starts stages as jobs, returns their outcomes, and ends them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from benchmark.api.options import PluginOptions
from benchmark.api.stage_context import RequestedDevice, RequestedPrecision


@dataclass(frozen=True)
class Job:
    """A stage to run, and everything a process needs to know for it.

    Attributes:
        results, project: Absolute paths of the results folder and the project folder.
        kind, key, plugin, seed, spec: As in `benchmark.plan.model.Stage`.
        inputs: Kind and key of the input stages, by role.
        device, precision: As asked for.
        threads: CPU threads it is to use.
        timeout: Seconds it may take, or None; executors end it then.
        preload: Modules that stages of this run import; an executor may import them once for all.
        gpu: Value of `CUDA_VISIBLE_DEVICES`; executors fill it in, None leaves it as it is.
    """

    results: str
    project: str
    kind: str
    key: str
    plugin: str
    seed: int | None
    spec: dict[str, Any]
    inputs: dict[str, tuple[str, str]]
    device: RequestedDevice = "auto"
    precision: RequestedPrecision = "auto"
    threads: int = 1
    timeout: float | None = None
    preload: tuple[str, ...] = ()
    gpu: str | None = None


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        status: "done"; "found": another process had done it; "busy": another process works on it; or the status
            of a `Failure`.
        reason: One line where it failed.
        log_tail: Last lines of a failed stage's log.
    """

    status: str
    reason: str = ""
    log_tail: tuple[str, ...] = ()


class Executor(ABC):
    """A way to run stages: in this process, in processes of this machine, on a cluster.

    What it starts calls `benchmark.execution.worker.run_job`. It is used as a context; leaving that ends what
    still runs.
    """

    Options: ClassVar[type[PluginOptions]] = PluginOptions

    @abstractmethod
    def submit(self, job: Job) -> bool:
        """Start a job, or return False when there is no room for it now."""

    @abstractmethod
    def wait(self, seconds: float) -> list[tuple[str, Outcome]]:
        """Key and outcome of the jobs that ended since the last call, after at most so many seconds.

        A job whose process died has "interrupted" or "failed" with the signal or exit code as its reason; one that
        outlasted its timeout has "timeout".
        """

    @abstractmethod
    def close(self) -> None:
        """End all jobs, with every process they started; may be called twice."""

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
