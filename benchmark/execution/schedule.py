"""Which stage can start next, kept up to date as others finish or fail, without reading the disk."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from heapq import heappop, heappush

from benchmark.plan.model import Stage
from benchmark.plan.stage_kinds import STAGE_KINDS

Rank = tuple[bool, int, int]


class Schedule:
    """The stages that are still to run.

    Each event costs as much as the stages it concerns, however many there are in the plan.

    Args:
        stages: All stages of a plan, each behind its inputs.
        done: Keys of those that are finished.
    """

    def __init__(self, stages: Mapping[str, Stage], done: Iterable[str]) -> None:
        self._stages = stages
        self._done = set(done)
        self._waiting: set[str] = set()
        self._ranks = ranks(stages)
        self._readers: dict[str, list[str]] = {key: [] for key in stages}
        for stage in stages.values():
            for source in set(stage.inputs.values()):
                self._readers[source].append(stage.key)
        # as sets: two roles may read one stage
        self._missing = {key: len(set(stage.inputs.values()) - self._done) for key, stage in stages.items()}
        self._ready: dict[str, list[tuple[Rank, str]]] = {}

    def __len__(self) -> int:
        """How many stages wait, for their inputs or for room."""
        return len(self._waiting)

    def add(self, key: str) -> None:
        """Let a stage wait until its inputs are there and it is taken."""
        self._waiting.add(key)
        if not self._missing[key]:
            self._push(key)

    def next(self, refused: Collection[str] = ()) -> str | None:
        """The most urgent stage whose inputs are all there, or None.

        Args:
            refused: Kinds of stages that are left out.
        """
        firsts = [ready[0] for kind, ready in self._ready.items() if ready and kind not in refused]
        return min(firsts)[1] if firsts else None

    def take(self, key: str) -> None:
        """Remove the stage that `next` returned: it runs now, or is done."""
        heappop(self._ready[self._stages[key].kind])
        self._waiting.remove(key)

    def finish(self, key: str) -> None:
        """A stage is done: what reads it may be able to start."""
        self._done.add(key)
        for reader in self._readers[key]:
            self._missing[reader] -= 1
            if not self._missing[reader] and reader in self._waiting:
                self._push(reader)

    def fail(self, key: str) -> list[str]:
        """A stage failed: the keys of all that need it, directly or not, and are not done; they wait no more."""
        lost: dict[str, None] = {}
        failed = [key]
        while failed:
            for reader in self._readers[failed.pop()]:
                if reader not in lost and reader not in self._done:
                    lost[reader] = None
                    failed.append(reader)
        self._waiting.difference_update(lost)
        return list(lost)

    def clear(self) -> list[str]:
        """Remove all that waits; its keys, in the order of the plan."""
        cleared = [key for key in self._stages if key in self._waiting]
        self._waiting.clear()
        self._ready.clear()
        return cleared

    def _push(self, key: str) -> None:
        # a heap for each kind, as the executor may have room for stages of one kind and not of another
        heap = self._ready.setdefault(self._stages[key].kind, [])
        heappush(heap, (self._ranks[key], key))


def ranks(stages: Mapping[str, Stage]) -> dict[str, Rank]:
    """The order in which stages should run: urgent kinds first, then those with the longest chain behind them."""
    # length of the longest chain of stages that wait for this one, from the ends of the chains backwards
    chain_length = dict.fromkeys(stages, 0)
    for stage in reversed(list(stages.values())):
        for source in stage.inputs.values():
            chain_length[source] = max(chain_length[source], chain_length[stage.key] + 1)
    found = {}
    for place, (key, stage) in enumerate(stages.items()):
        urgent = STAGE_KINDS[stage.kind].urgent
        found[key] = (not urgent, -chain_length[key], place)  # the smallest runs first
    return found
