"""What happens while a plan runs, for those who want to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.execution.states import State
from benchmark.plan.model import Plan, Stage
from benchmark.results.records import DONE, SKIPPED


@dataclass(frozen=True)
class Summary:
    """How a run of a plan ended.

    Attributes:
        cells: Number of cells by status.
        stages_run: Stages that were done in this run.
        stages_reused: Stages that were there already and of use.
        seconds: Duration.
    """

    cells: Mapping[str, int]
    stages_run: int
    stages_reused: int
    seconds: float

    @property
    def failed(self) -> int:
        """Cells that were to run and are not done."""
        return sum(count for status, count in self.cells.items() if status not in (DONE, SKIPPED))


class Listener:
    """Hears of what happens while a plan runs, in the process of the driver; what is not overridden is passed over."""

    def plan_ready(self, plan: Plan, states: Mapping[str, State]) -> None:
        """Called once before anything runs."""

    def stage_started(self, stage: Stage) -> None:
        """A stage was handed to the executor."""

    def stage_progress(self, stage: Stage, progress: Mapping[str, Any]) -> None:
        """A running stage tells `done`, `total`, `unit` and its latest scalars."""

    def stage_finished(self, stage: Stage, seconds: float) -> None:
        """A stage is done, here or by another driver; `seconds` it took."""

    def stage_failed(self, stage: Stage, status: str, reason: str) -> None:
        """A stage failed."""

    def cell_finished(self, record: Mapping[str, Any]) -> None:
        """A cell is decided."""

    def finished(self, summary: Summary) -> None:
        """Called once after all cells."""
