"""Progress of a running matrix: bars on a terminal, plain lines in a file or a log."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from benchmark.execution.events import Listener, Summary
from benchmark.report.stage_labels import count_of, stage_names
from benchmark.report.tables import duration, score_text
from benchmark.results.records import DONE
from benchmark.results.text import printable

if TYPE_CHECKING:
    from benchmark.plan.model import Plan, Stage

SECONDS_BETWEEN_LINES = 10.0
WIDE = 100
"""Columns of a terminal with room for a bar beside the numbers of a stage."""
STATES_TO_RUN = ("to-run", "resumable", "running")
PLAIN_FACTS = ("done", "total", "unit", "time")
SCALARS_SHOWN = 3
OTHER_CODE_LINES = 8
Progressed = Mapping[str, Any]


def scalars_text(progress: Progressed) -> str:
    """The first few losses of a progress report."""
    scalars = [(name, value) for name, value in progress.items() if name not in PLAIN_FACTS][:SCALARS_SHOWN]
    return "  ".join(f"{name} {value:.4g}" for name, value in scalars if isinstance(value, (int, float)))


class Watcher(Listener):
    """Prints a line with a count when a stage or cell ends; subclasses show running stages.

    Used as a context; leaving it restores the terminal.
    """

    def __init__(self, out: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self.out = out
        self.clock = clock
        self.names: dict[str, str] = {}
        self.failed = 0
        self._to_run: set[str] = set()
        self._stages: Mapping[str, Stage] = {}
        self._other_code: list[str] = []
        self._ended: set[str] = set()

    @property
    def total(self) -> int:
        """How many stages there were to run."""
        return len(self._to_run)

    @property
    def done(self) -> int:
        """How many of them have ended; one that needs a failed stage has ended too."""
        return len(self._ended & self._to_run)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def plan_ready(self, plan: Plan, states: Mapping[str, str]) -> None:
        """Learn the names of the stages, and say how many there are to run."""
        self.names, self._stages = stage_names(plan), plan.stages
        counts = Counter(states.values())
        self._to_run = {key for key, state in states.items() if state in STATES_TO_RUN}
        before = f", failed before {counts['failed']} (--retry failed runs them again)" if counts["failed"] else ""
        self.say(f"cells {len(plan.cells)}, stages to run {self.total}, cached {counts['cached']}{before}")

    def other_code_found(self, changes: Mapping[str, Sequence[str]]) -> None:
        """Warn of results that other code has made."""
        self._other_code = [self._other_code_line(key, names) for key, names in changes.items()]
        self.warn_of_other_code()

    def warn_of_other_code(self) -> None:
        """One line for each training or other stage that other code has run, and what to do about it."""
        lines = list(dict.fromkeys(self._other_code))
        for line in lines[:OTHER_CODE_LINES]:
            self.say(f"trained by other code: {line}")
        if len(lines) > OTHER_CODE_LINES:
            self.say(f"trained by other code: {len(lines) - OTHER_CODE_LINES} more")
        if lines:
            self.say("--reuse same-code runs these again")

    def _other_code_line(self, key: str, names: Sequence[str]) -> str:
        stage = self._stages[key]
        seed = "" if stage.seed is None else f" seed {stage.seed}"
        return f"{stage.plugin}{seed} ({', '.join(names)} changed)"

    def stage_finished(self, stage: Stage, seconds: float) -> None:
        """A stage is done."""
        self._ended.add(stage.key)
        self.remove_display(stage)
        self.say(f"{self.count()} done    {self.name(stage)} ({_seconds_text(seconds)})")

    def stage_failed(self, stage: Stage, status: str, reason: str) -> None:
        """A stage failed; the matrix goes on."""
        lost = {stage.key}
        for key, other in self._stages.items():  # in the order of the plan: what reads a lost stage is lost too
            if lost.intersection(other.inputs.values()):
                lost.add(key)
        self._ended |= lost
        self.failed += 1
        self.remove_display(stage)
        self.say(f"{self.count()} FAILED  {self.name(stage)}: {status}: {reason}")

    def cell_finished(self, record: Mapping[str, Any]) -> None:
        """A cell has its record; those that were there before are not news."""
        if self.done and record["status"] == DONE:
            name = f"{record['scenario']}: {record['translator']} x {record['segmenter']}, seed {record['seed']}"
            score = score_text(record)
            result = f": {score}" if score else ""
            self.say(f"{self.count()} cell    {name}{result}")

    def finished(self, summary: Summary) -> None:
        """The matrix ended."""
        self.close()
        left = f", {count_of(summary.failed, 'cell')} not done" if summary.failed else ""
        self.say(
            f"{count_of(summary.stages_run, 'stage')} run, {summary.stages_reused} reused, "
            f"in {_seconds_text(summary.seconds)}{left}"
        )
        self.warn_of_other_code()

    def count(self) -> str:
        """How many of the stages to run have ended."""
        total = str(self.total)
        return f"[{self.done:>{len(total)}}/{total}]"

    def name(self, stage: Stage) -> str:
        """What people call a stage."""
        return self.names.get(stage.key, stage.key)

    def say(self, line: str) -> None:
        """Print a line at once."""
        self.out.print(Text(printable(line)), soft_wrap=not self.out.is_terminal)
        self.out.file.flush()

    def remove_display(self, stage: Stage) -> None:
        """Remove what shows a running stage."""

    def close(self) -> None:
        """Remove all that shows the running matrix."""


class Lines(Watcher):
    """Plain lines: each start and end, and for each stage a line of progress now and then."""

    def __init__(self, out: Console, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(out, clock)
        self._begun: dict[str, tuple[float, int | None]] = {}
        self._last: dict[str, float] = {}

    def stage_started(self, stage: Stage) -> None:
        """A line, and the time it began."""
        self._begun[stage.key] = self.clock(), None
        self._last[stage.key] = self.clock()
        self.say(f"{self.count()} start   {self.name(stage)}")

    def stage_progress(self, stage: Stage, progress: Progressed) -> None:
        """A line, unless the last one is too recent."""
        now = self.clock()
        begun, offset = self._begun.setdefault(stage.key, (now, None))
        if offset is None:
            # a resumed stage starts in the middle: its speed is that of the work done since
            begun, offset = self._begun[stage.key] = now, progress["done"]
        if now - self._last.get(stage.key, now) < SECONDS_BETWEEN_LINES:
            return
        self._last[stage.key] = now
        speed = (progress["done"] - offset) / (now - begun) if now > begun else 0.0
        self.say(f"{self.count()}         {self.name(stage)}: {_progress_text(progress, speed)}")


class Bars(Watcher):
    """One bar for each running stage, and one for the matrix below them."""

    def __init__(self, out: Console, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(out, clock)
        name = TextColumn("{task.description}", table_column=Column(ratio=3, no_wrap=True, overflow="ellipsis"))
        scalars = TextColumn("{task.fields[scalars]}", table_column=Column(ratio=2, no_wrap=True, overflow="ellipsis"))
        bar = BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=6))
        first_columns = [name, bar] if out.width >= WIDE else [name]
        self._bars = Progress(
            *first_columns, Amount(), Speed(), Left(), scalars, console=out, expand=True, get_time=clock
        )
        self._matrix = Progress("matrix", bar, Amount(), TimeElapsedColumn(), scalars, console=out, get_time=clock)
        self._live = Live(Group(self._bars, self._matrix), console=out, refresh_per_second=4, transient=True)
        self._tasks: dict[str, TaskID] = {}
        self._all = TaskID(0)

    def plan_ready(self, plan: Plan, states: Mapping[str, str]) -> None:
        """Show the bar of the matrix."""
        super().plan_ready(plan, states)
        if self.total:
            self._all = self._matrix.add_task("", total=self.total, unit="stages", scalars="")
            self._live.start()

    def stage_started(self, stage: Stage) -> None:
        """Show its bar."""
        self._tasks[stage.key] = self._bars.add_task(self.name(stage), total=None, unit="", scalars="")

    def stage_progress(self, stage: Stage, progress: Progressed) -> None:
        """Move its bar."""
        if stage.key in self._tasks:
            self._bars.update(
                self._tasks[stage.key],
                completed=progress["done"],
                total=progress["total"],
                unit=progress.get("unit", ""),
                scalars=scalars_text(progress),
            )

    def remove_display(self, stage: Stage) -> None:
        """Remove its bar."""
        if (task := self._tasks.pop(stage.key, None)) is not None:
            self._bars.remove_task(task)
        self._matrix.update(self._all, completed=self.done, scalars=f"{self.failed} failed" if self.failed else "")

    def close(self) -> None:
        """Give the terminal back."""
        self._live.stop()


class Amount(ProgressColumn):
    """`n/m unit`."""

    def render(self, task: Task) -> Text:
        """Blank until a total is known."""
        if not task.total:
            return Text("")
        return Text(f"{task.completed:.0f}/{task.total:.0f} {task.fields['unit']}", no_wrap=True, justify="right")


class Speed(ProgressColumn):
    """Units per second."""

    def render(self, task: Task) -> Text:
        """Blank until there are two reports to compute it from."""
        if not task.speed:
            return Text("")
        return Text(f"{task.speed:.3g}/s", no_wrap=True, justify="right")


class Left(ProgressColumn):
    """Time left."""

    def render(self, task: Task) -> Text:
        """Blank until a speed is known."""
        if task.time_remaining is None:
            return Text("")
        return Text(f"{duration(task.time_remaining)} left", no_wrap=True)


def watcher(out: Console) -> Watcher:
    """Bars on a terminal, lines elsewhere."""
    return Bars(out) if out.is_terminal else Lines(out)


def _seconds_text(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else duration(seconds)


def _progress_text(progress: Progressed, speed: float) -> str:
    done, total, unit = progress["done"], progress["total"], progress.get("unit", "")
    parts = [f"{done}/{total} {unit}".strip()]
    if speed > 0:
        parts += [f"{speed:.3g} {unit}/s", f"{duration((total - done) / speed)} left"]
    if scalars := scalars_text(progress):
        parts.append(scalars)
    return ", ".join(parts)
