"""A stage context that notes how far a training came, and interrupts it where a kill would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from benchmark.api.stage_context import StageContext

Channel = Literal["log", "checkpoint", "progress"]


class Place(NamedTuple):
    """A moment of a training: the first report on a channel that reaches a number."""

    channel: Channel
    number: float


class Interrupted(BaseException):
    """Stands for a kill in the middle of a training; no plugin has a reason to catch it."""


@dataclass
class WatchedContext(StageContext):
    """A stage context whose calls of `log`, `checkpoint` and `progress` are noted.

    Attributes:
        stop_at: Where to raise `Interrupted`, after the call has done its work; None: nowhere.
        reports: The step (`log`, `checkpoint`) or the amount done (`progress`) of every call, by channel.
    """

    stop_at: Place | None = None
    reports: dict[Channel, list[float]] = field(default_factory=lambda: {"log": [], "checkpoint": [], "progress": []})

    def log(self, step: int, **scalars: float) -> None:
        """As `StageContext.log`."""
        super().log(step, **scalars)
        self._note("log", step)

    def checkpoint(self, step: int, state: Mapping[str, Any]) -> None:
        """As `StageContext.checkpoint`."""
        super().checkpoint(step, state)
        self._note("checkpoint", step)

    def progress(self, done: int, total: int, unit: str = "images", **info: float) -> None:
        """As `StageContext.progress`."""
        super().progress(done, total, unit, **info)
        self._note("progress", done)

    def _note(self, channel: Channel, number: float) -> None:
        self.reports[channel].append(number)
        if self.stop_at is not None and channel == self.stop_at.channel and number >= self.stop_at.number:
            raise Interrupted


def steady_channel(reports: Mapping[Channel, Sequence[float]]) -> Channel:
    """The channel with most reports; of equals not `progress`, which trainings limit by the clock."""
    channels: tuple[Channel, ...] = ("log", "checkpoint", "progress")
    return max(channels, key=lambda channel: len(reports[channel]))
