"""Writes the record of a cell once all of its goals are done or have failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from benchmark.plan.model import Cell, Plan
from benchmark.results.records import INVALID, SKIPPED, make_record, record_path, write_record
from benchmark.store.store import Failure, Store


class CellRecords:
    """The cells of a plan, each with the number of its goals that are neither done nor failed.

    Attributes:
        statuses: Number of written records by status.
    """

    def __init__(self, plan: Plan, store: Store, on_record: Callable[[Mapping[str, Any]], None]) -> None:
        self.statuses: Counter[str] = Counter()
        self._plan = plan
        self._store = store
        self._on_record = on_record
        self._open_goals = {cell.id: len(set(cell.goals)) for cell in plan.cells}
        self._cells_of: dict[str, list[Cell]] = {}
        for cell in plan.cells:
            for key in dict.fromkeys(cell.goals):
                self._cells_of.setdefault(key, []).append(cell)
        self._decided = [cell for cell in plan.cells if not cell.goals]

    def settle(self, key: str) -> None:
        """A stage is done or has failed; cells may be decided by that."""
        for cell in self._cells_of.pop(key, ()):
            self._open_goals[cell.id] -= 1
            if not self._open_goals[cell.id]:
                self._decided.append(cell)

    def write_decided(self, failures: Mapping[str, Failure]) -> None:
        """Write the records of the cells that were decided since the last call.

        Args:
            failures: Why stages failed or will not run, by key.
        """
        decided, self._decided = self._decided, []
        for cell in decided:
            self._write(cell, failures)

    def _write(self, cell: Cell, failures: Mapping[str, Failure]) -> None:
        failure = next((failures[key] for key in cell.essential if key in failures), None)
        score_failures = {key: failures[key] for key in cell.scores if key in failures}
        if failure is None:  # a score that was not tried says nothing yet
            failure = next((score for score in score_failures.values() if score.status == SKIPPED), None)
        if cell.invalid or cell.skipped:
            failure = Failure(INVALID if cell.invalid else SKIPPED, cell.invalid or cell.skipped or "")
        record = make_record(cell, self._plan, self._store, failure, {} if failure else score_failures)
        # a record of results is not replaced by one that only says that nothing was run this time
        not_tried = failure is not None and failure.status == SKIPPED and not cell.skipped
        if not (not_tried and record_path(self._store.results, cell.id).exists()):
            record = write_record(self._store.results, record)
        self.statuses[record["status"]] += 1
        self._on_record(record)
