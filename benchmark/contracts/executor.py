"""Contract of an executor: starts stages, gives news of them, ends them; what a stage does is not its concern."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from benchmark.contracts.options import PluginOptions

if TYPE_CHECKING:
    from benchmark.worker import Job, Outcome


class Executor(ABC):
    """A way to run stages: here, in processes of this machine, on a cluster.

    What it starts calls `benchmark.worker.run_job`. It is used as a context; leaving that ends what still runs.
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
