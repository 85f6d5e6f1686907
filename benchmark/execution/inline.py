"""Runs each stage in this very process, one after the other: for debuggers and tests."""

from __future__ import annotations

import time

from benchmark.api.executor import Executor, Job, Outcome
from benchmark.api.options import PluginOptions
from benchmark.execution.worker import run_job


class InlineExecutor(Executor):
    """No process, no timeout, no redirected output; a plugin that ends the process ends everything."""

    def __init__(self, options: PluginOptions | None = None) -> None:
        self._job: Job | None = None

    def submit(self, job: Job) -> bool:
        """Take the job, unless one is there."""
        if self._job is not None:
            return False
        self._job = job
        return True

    def wait(self, seconds: float) -> list[tuple[str, Outcome]]:
        """Run the job to its end, however long that takes."""
        job, self._job = self._job, None
        if job is None:
            time.sleep(seconds)
            return []
        return [(job.key, run_job(job, capture=False))]

    def close(self) -> None:
        """Nothing is left to end."""
