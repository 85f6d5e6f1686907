"""The values of a cell, gathered from the score stages of its metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmark.plan.model import Cell, Plan
from benchmark.plan.stage_kinds import SCORE_SEGMENTATION, SCORE_TRANSLATION, STAGE_KINDS, Role
from benchmark.store.json_files import read_json
from benchmark.store.layout import METRICS
from benchmark.store.store import Failure, Store


@dataclass(frozen=True)
class Score:
    """What one score stage adds to a record.

    Attributes:
        value_names: Names under which its values, or the reasons for missing ones, are listed.
        details: Names of its sections among the details.
        failure: Why the stage failed, or None.
    """

    value_names: list[str]
    details: list[str] = field(default_factory=list)
    failure: Failure | None = None


@dataclass
class CellScores:
    """All values of a cell.

    Attributes:
        tables: `metrics`, `missing`, `details` and `values` of all its metrics, as a record holds them.
        by_role: Which of it comes from which stage.
        test_groups: The group of each test image; None where each is a group of its own.
    """

    tables: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {"metrics": {}, "missing": {}, "details": {}, "values": {}}
    )
    by_role: dict[Role, Score] = field(default_factory=dict)
    test_groups: list[str] | None = None


def collect_scores(cell: Cell, plan: Plan, store: Store, failures: Mapping[str, Failure]) -> CellScores:
    """The values of a cell from its finished score stages, and why others are missing.

    Args:
        cell: The cell.
        plan: Where it comes from.
        store: Where its stages lie.
        failures: Of its score stages, by key.
    """
    scores = CellScores()
    owner: dict[str, Role] = {}
    for role in _in_order_of_columns(cell, plan):
        key = cell.stages[role]
        if key in failures:
            suffix = STAGE_KINDS[role.kind].value_suffix
            # where no plan knows the names of the values, the reason stands under the alias of the metric
            declared = plan.value_names.get(role.purpose) or [role.purpose]
            names = [f"{name}{suffix}" for name in declared]
            failure = failures[key]
            scores.tables["missing"] |= dict.fromkeys(names, f"{failure.status}: {failure.reason}")
            scores.by_role[role] = Score(names, failure=failure)
            continue
        table = read_json(store.stage(role.kind, key).path / METRICS) or {}
        scores.test_groups = table.get("test_groups", scores.test_groups)
        names = [*table.get("metrics", {}), *table.get("missing", {})]
        scores.by_role[role] = Score(names, list(table.get("details", {})))
        measures = {"measures": "translation" if role.kind == SCORE_TRANSLATION else "segmentation"}
        table["values"] = {name: value | measures for name, value in table.get("values", {}).items()}
        for section, entries in scores.tables.items():
            entries |= table.get(section, {})
        for name in names:
            if name in owner:  # no plan could know: neither number can be believed
                reason = f"metrics '{owner[name].purpose}' and '{role.purpose}' both give '{name}'; choose one of them"
                scores.tables["metrics"].pop(name, None)
                scores.tables["missing"][name] = reason
            owner[name] = role
    if cell.stages:
        scores.tables["missing"] |= {alias: f"invalid: {why}" for alias, why in plan.unusable_metrics.items()}
    return scores


def _in_order_of_columns(cell: Cell, plan: Plan) -> list[Role]:
    """Roles of the score stages: of segmentations first, and as the metrics of the matrix; boards keep this order."""
    order = [metric.alias for metric in plan.matrix.metrics]
    kinds = (SCORE_SEGMENTATION, SCORE_TRANSLATION)

    def position(role: Role) -> tuple[int, int]:
        kind = kinds.index(role.kind) if role.kind in kinds else len(kinds)
        return kind, order.index(role.purpose) if role.purpose in order else len(order)

    return sorted((role for role in cell.stages if STAGE_KINDS[role.kind].scores), key=position)
