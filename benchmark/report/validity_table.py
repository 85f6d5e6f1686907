"""The table of how well measures predict gains, as text and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmark.report.tables import EMPTY, TextTable, decimal_text
from benchmark.results.validity import Point, Validity

NOTES = (
    "tau: Kendall's rank correlation with the gain over source-only, over all pairs of rows within a board: 1 "
    "where all are in the promised order, 0 where half are. Its 95 % interval is for other translators (bootstrap).",
    "lost by choosing: mIoU points between the best row of a board and the one the measure likes best, mean over "
    "boards; at random: what any row loses.",
)
TITLE = "Validity of measures: do they order {rows} as their gain does?"
TRANSLATORS, EVERY_ROW = "translators", "all rows of a family of segmenters"


def validity_grid(found: Sequence[Validity], *, every_row: bool = False) -> TextTable:
    """One line per measure; `every_row` as in `points`."""
    rows = tuple(_row(one) for one in found if one.pairs)
    headings = ("measure", "tau", "95 %", "lost by choosing", "at random", "pairs", "boards", "translators", "labels")
    without = [one.measure.name for one in found if not one.pairs]
    notes = [*NOTES, *([f"Not measured of two rows of a board: {', '.join(without)}."] if without else [])]
    title = TITLE.format(rows=EVERY_ROW if every_row else TRANSLATORS)
    return TextTable(title, headings, rows, notes=tuple(notes))


def _row(one: Validity) -> tuple[str, ...]:
    interval = EMPTY if one.interval is None else f"[{one.interval[0]:.2f}, {one.interval[1]:.2f}]"
    regrets = (None if value is None else 100 * value for value in (one.regret, one.chance_regret))
    return (
        one.measure.name,
        decimal_text(one.tau, 2),
        interval,
        *(decimal_text(value, 1) for value in regrets),
        str(one.pairs),
        str(one.boards),
        str(one.translators),
        "target" if one.measure.needs_target_labels else "none",
    )


def validity_json(found: Sequence[Validity], points: Sequence[Point]) -> dict[str, Any]:
    """The table, and the points it is made of."""
    measures = [
        {
            "measure": one.measure.name,
            "meaning": one.measure.meaning,
            "higher_is_better": one.measure.higher_is_better,
            "needs_target_labels": one.measure.needs_target_labels,
            "tau": one.tau,
            "ci95": None if one.interval is None else list(one.interval),
            "regret": one.regret,
            "chance_regret": one.chance_regret,
            "pairs": one.pairs,
            "boards": one.boards,
            "translators": one.translators,
        }
        for one in found
    ]
    rows = [
        {
            "scenario": point.board[0],
            "segmenter": point.segmenter,
            "translator": point.translator,
            "gain": point.gain,
            **point.measures,
        }
        for point in points
    ]
    return {"measures": measures, "points": rows}
