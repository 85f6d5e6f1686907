"""A comparison of two rows in words, as a table of classes, and for programs."""

from __future__ import annotations

from typing import Any

from benchmark.report.leaderboard_tables import column_name, row_name, title
from benchmark.report.tables import EMPTY, TextTable, factor_and_decimals, number, p_text
from benchmark.results.board import Row
from benchmark.results.comparison import ClassComparison, RowComparison
from benchmark.results.differences import BOTH
from benchmark.results.multiple import LEVEL, is_significant
from benchmark.results.record_fields import RANKED_BY
from benchmark.results.seed_pairs import labels
from benchmark.results.statistics import Estimate

MARK, LEVEL_TEXT = "*", f"{100 * LEVEL:.0f} %"


def comparison_lines(comparison: RowComparison) -> list[str]:
    """What is known of the difference of two rows: its size, its interval, whether it is significant, over what."""
    difference = comparison.difference
    if difference.estimate.mean is None:
        return [
            f"{_name(comparison, comparison.ours)} and {_name(comparison, comparison.theirs)}: no difference, as "
            f"{difference.estimate.reason}."
        ]
    lines = [_size_line(comparison)]
    if difference.estimate.ci95 is not None:
        lines += [_interval_line(comparison), _significance_line(comparison)]
    else:
        lines.append(_no_interval_line(comparison))
    if difference.image_interval is not None and difference.estimate.ci95 is None:
        low, high = (_points(comparison, end) for end in difference.image_interval)
        lines.append(
            f"With these very trainings, the 95 % interval for other test images of this kind is {low} to {high}."
        )
    return [*lines, _over_line(comparison), *_error_lines(comparison)]


def _size_line(comparison: RowComparison) -> str:
    """Which row is better by how much, with the means over the cells that both have."""
    mean = comparison.difference.estimate.mean or 0.0
    ours, theirs = _name(comparison, comparison.ours), _name(comparison, comparison.theirs)
    if mean < 0:
        ours, theirs = theirs, ours
    if mean == 0:
        return f"{ours} and {theirs} have the same {_measure(comparison)} on average."
    return f"{ours} has {_points(comparison, abs(mean), signed=False)} more {_measure(comparison)} than {theirs}."


def _interval_line(comparison: RowComparison) -> str:
    estimate = comparison.difference.estimate
    low, high = estimate.ci95 or (0.0, 0.0)
    if (estimate.mean or 0.0) < 0:  # as the first line names the better row first
        low, high = -high, -low
    scope = "other trainings and other test images of this kind"
    if estimate.covers != BOTH:
        scope = "other trainings on these test images (the records do not count single images)"
    holds = "includes 0" if low <= 0 <= high else "does not include 0"
    ends = f"{_points(comparison, low)} to {_points(comparison, high)}"
    return f"95 % interval for {scope}: {ends}; it {holds}."


def _significance_line(comparison: RowComparison) -> str:
    p = comparison.difference.estimate.p
    known = f"{p_text(1.0 if p is None else p)} where this is the only question asked"
    if comparison.p_adjusted is None:
        return f"{known}; it is not among the comparisons of the board, which are those of complete rows."
    verdict = "the rows are told apart" if comparison.told_apart else "the rows cannot be told apart"
    return (
        f"{known}; {p_text(comparison.p_adjusted)} as one of all {comparison.pairs} pairs of complete rows of this "
        f"board (Holm's correction): {verdict} at {LEVEL_TEXT}."
    )


def _no_interval_line(comparison: RowComparison) -> str:
    difference = comparison.difference
    singles = [f"seed {pair.label}: {_points(comparison, value)}" for pair, value in difference.single.items()]
    ours, theirs = comparison.ours.translator, comparison.theirs.translator
    if difference.estimate.n == 1:
        return (
            f"One translator seed: which row is better with other trainings cannot be told. "
            f"{ours} minus {theirs}: {', '.join(singles)}."
        )
    return f"No interval, as there is no spread: {ours} minus {theirs} is the same for each seed."


def _over_line(comparison: RowComparison) -> str:
    """Seeds and images that the difference is over."""
    text = comparison.lacking or f"over seed {labels(comparison.difference.single)}"
    if comparison.images:
        groups = comparison.difference.groups
        grouped = "" if groups == comparison.images else f" in {groups} groups"
        text += f"; {comparison.images} test images{grouped}"
    return f"{text[0].upper()}{text[1:]}."


def _error_lines(comparison: RowComparison) -> list[str]:
    difference = comparison.difference
    if difference.training_error is None or difference.image_error is None:
        return []
    trainings = _points(comparison, difference.training_error, signed=False)
    images = _points(comparison, difference.image_error, signed=False)
    return [f"Standard error: {trainings} due to trainings, {images} due to test images."]


def class_grid(comparison: RowComparison) -> TextTable:
    """IoU of each class in both rows, and its difference with its interval."""
    rows = []
    for name in comparison.board.classes:
        found = comparison.per_class.get(name)
        cells = [_iou(row, name) for row in (comparison.ours, comparison.theirs)]
        rows.append((name, *cells, EMPTY if found is None else _class_text(found)))
    ours, theirs = _name(comparison, comparison.ours), _name(comparison, comparison.theirs)
    return TextTable(
        title=f"IoU % by class: {title(comparison.board)}",
        headings=("class", ours, theirs, f"{ours} - {theirs}"),
        rows=tuple(rows),
        notes=(f"{MARK} told apart after Holm's correction over {len(comparison.per_class)} classes, {LEVEL_TEXT}.",),
    )


def _class_text(comparison: ClassComparison) -> str:
    mark = f" {MARK}" if is_significant(comparison.p_adjusted) else ""
    return number(comparison.difference.estimate, 100, 1) + mark


def _iou(row: Row, name: str) -> str:
    return number(row.per_class.get(name, Estimate(None, None, 0)), 100, 1)


def comparison_json(comparison: RowComparison) -> dict[str, Any]:
    """All of a comparison as plain values; differences are the first row minus the second, as fractions."""
    difference, board = comparison.difference, comparison.board
    per_class = {}
    for name, found in comparison.per_class.items():
        per_class[name] = {**found.difference.estimate.as_json(), "p_adjusted": found.p_adjusted}
    return {
        "scenario": board.scenario,
        "family": board.family,
        "value": RANKED_BY,
        "a": _row_json(comparison.ours),
        "b": _row_json(comparison.theirs),
        "difference": difference.estimate.as_json(),
        "p_adjusted": comparison.p_adjusted,
        "pairs_of_the_board": comparison.pairs,
        "told_apart": comparison.told_apart,
        "single_differences": {pair.label: value for pair, value in difference.single.items()},
        "lacking": comparison.lacking,
        "test_images": comparison.images,
        "groups_of_test_images": difference.groups,
        "ci95_test_images_alone": None if difference.image_interval is None else list(difference.image_interval),
        "standard_error": {"trainings": difference.training_error, "test_images": difference.image_error},
        "per_class": per_class,
    }


def _row_json(row: Row) -> dict[str, Any]:
    about = {"translator": row.translator, "segmenter": row.segmenter, "config_key": row.config_key}
    return {**about, RANKED_BY: row.metrics[RANKED_BY].as_json()}


def _name(comparison: RowComparison, row: Row) -> str:
    """Name of a row, with the segmenter where the two differ in it."""
    same = comparison.ours.segmenter == comparison.theirs.segmenter
    return row_name(row) if same else f"{row_name(row)} x {row.segmenter}"


def _measure(comparison: RowComparison) -> str:
    return column_name(comparison.board, RANKED_BY)


def _points(comparison: RowComparison, value: float, *, signed: bool = True) -> str:
    """A difference in the unit of the ranking value; of shares, in percentage points."""
    meaning = comparison.board.value(RANKED_BY)
    factor, decimals = factor_and_decimals(meaning)
    text = f"{value * factor:{'+' if signed else ''}.{decimals}f}"
    return f"{text} points" if meaning.unit == "%" else f"{text} {meaning.unit}".rstrip()
