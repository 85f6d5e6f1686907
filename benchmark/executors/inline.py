"""Runs each stage in this very process, one after the other: for debuggers and tests."""

from __future__ import annotations

import time
from dataclasses import replace

from benchmark.executors.base import Executor
from benchmark.worker import Job, Outcome, run_job


class InlineExecutor(Executor):
    """No process, no timeout, no redirected output; a plugin that ends the process ends everything.

    Args:
        threads: CPU threads per stage.
    """

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._ended: list[tuple[str, Outcome]] = []

    def submit(self, job: Job) -> bool:
        """Run the job to its end."""
        if self._ended:
            return False  # so that the caller hears of each job before the next one starts
        self._ended.append((job.key, run_job(replace(job, threads=self._threads), capture=False)))
        return True

    def wait(self, seconds: float) -> list[tuple[str, Outcome]]:
        """The outcome of the last job."""
        ended, self._ended = self._ended, []
        if not ended:
            time.sleep(seconds)
        return ended

    def close(self) -> None:
        """Nothing is left to end."""
