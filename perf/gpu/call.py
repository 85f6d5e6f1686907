"""What the scripts of a call share: their options, the time that is left, and commands that end with it."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Status = Literal["passed", "failed", "out of time"]

SECONDS_TO_END = 15
"""What a command is given to end in after it was interrupted; stages that are killed resume at their checkpoints."""


@dataclass(frozen=True)
class Deadline:
    """The end of a call.

    Attributes:
        at: When it comes, by `clock`.
        clock: Gives the time in seconds.
    """

    at: float
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, minutes: float, clock: Callable[[], float] = time.monotonic) -> Deadline:
        """The end of a call that has just begun."""
        return cls(clock() + 60 * minutes, clock)

    def left(self) -> float:
        """Seconds until then, at least 0."""
        return max(0.0, self.at - self.clock())

    def allows(self, seconds: float) -> bool:
        """Whether something that takes so long would be over by then."""
        return self.left() >= seconds


def parser(description: str, minutes: float) -> argparse.ArgumentParser:
    """A parser of the options that all scripts have."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--device", default="cuda", choices=["cuda", "cpu"], help="where to compute")
    options.add_argument("--smoke", action="store_true", help="as little as shows that the script runs to its end")
    options.add_argument("--minutes", type=float, default=minutes, help="time for this call; %(default)g by default")
    options.add_argument("--out", type=Path, default=Path("perf-out"), help="folder for results")
    return options


def run_command(
    command: Sequence[str], log: Path, deadline: Deadline, environment: Mapping[str, str] | None = None
) -> Status:
    """Run a command whose output is appended to a log, and interrupt it, then kill it, when time is up.

    Args:
        command: Program and arguments.
        log: Where its output goes, after a line with the command.
        deadline: It is interrupted `SECONDS_TO_END` before.
        environment: Variables that are set for it.
    """
    if not deadline.allows(2 * SECONDS_TO_END):
        return "out of time"
    with log.open("a") as file:
        file.write(f"\n$ {' '.join(command)}\n")
        file.flush()
        process = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
        )
        try:
            return "failed" if process.wait(deadline.left() - SECONDS_TO_END) else "passed"
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return "out of time"


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of text cells as markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
