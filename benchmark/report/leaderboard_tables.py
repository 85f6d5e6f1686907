"""A board as tables of text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from benchmark.plan.stage_kinds import training_kinds
from benchmark.report.tables import (
    EMPTY,
    TextTable,
    column_decimals,
    comma_list,
    decimal_text,
    duration,
    factor_and_decimals,
    number,
)
from benchmark.results.board import NOT_MEASURED, NOTHING_TRANSLATED, Board, Row, Training
from benchmark.results.statistics import Estimate

HIGHLIGHTS = 3
"""Lines per row that are printed; all of them are in the record."""
Column = tuple[str, Callable[[Row], str]]
EXPLANATIONS = (
    "± is a 95 % t-interval over the n seeds of the column 'seeds', unless a cell says another n; it holds the noise "
    "of trainings, not that of the test images. No interval at n = 1; ± 0: all seeds are equal. Shares are in percent.",
    "gap rec. is (mIoU - source-only) / (oracle - source-only), paired by seed: 0 at the floor, 100 at the ceiling.",
)
ONE_SEED = "no places: of rows of one seed, noise decides the order"


def leaderboard_grid(board: Board) -> TextTable:
    """The board as a table for people: headlines that any row has, and what explains the rest."""
    names = [name for name in board.metrics if _is_column(board, name)]
    metrics: list[Column] = [(heading(board, name), _metric_cell(board, name)) for name in names]
    extra_names: set[str] = set()
    for row in board.rows:
        extra_names |= set(row.extra)
    identifying: list[Column] = [("#", _rank_text), ("translator", row_name), *_segmenter_column(board)]
    columns = [
        *identifying,
        *metrics[:2],  # the ranking value and the gap, which the number of seeds belongs to
        ("seeds", _seeds_text),
        *metrics[2:],
        *((name, _extra_cell(board, name)) for name in sorted(extra_names)),
        ("cost h:mm:ss", _cost_text),
    ]
    control_rows = frozenset(index for index, row in enumerate(board.rows) if row.role)
    explanations = [*EXPLANATIONS]
    if len(board.seeds) == 1:
        explanations.append(ONE_SEED)
    return TextTable(
        title=title(board),
        headings=_headings(columns),
        rows=_cells(board, columns),
        fixed=len(identifying),
        dim=control_rows,
        notes=(*explanations, *notes(board)),
    )


def _headings(columns: Sequence[Column]) -> tuple[str, ...]:
    return tuple(name for name, _ in columns)


def _cells(board: Board, columns: Sequence[Column]) -> tuple[tuple[str, ...], ...]:
    """The cells of each row of a board."""
    rows = []
    for row in board.rows:
        texts = [cell_text(row) for _, cell_text in columns]
        rows.append(tuple(texts))
    return tuple(rows)


def _rank_text(row: Row) -> str:
    return EMPTY if row.rank is None else str(row.rank)


def _seeds_text(row: Row) -> str:
    return str(len(row.seeds)) if row.complete else f"{len(row.seeds)}/{len(row.wanted)}"


def _cost_text(row: Row) -> str:
    return EMPTY if row.seconds is None else duration(row.seconds)


def per_class_grid(board: Board) -> TextTable:
    """IoU of each class (rows) in each row of the board (columns)."""
    no_value = Estimate(None, None, 0)
    row_names = [_full_name(board, row) for row in board.rows]
    rows = []
    for name in board.classes:
        estimates = [row.per_class.get(name, no_value) for row in board.rows]
        rows.append((name, *(number(estimate, 100, 1) for estimate in estimates)))
    return TextTable(
        title=f"IoU % by class: {title(board)}",
        headings=("class", *row_names),
        rows=tuple(rows),
        notes=(f"{EMPTY}: the class is not in the test labels or predictions, or the row is not done.",),
    )


def highlights_grid(board: Board) -> TextTable:
    """Lines of text by metrics about each row, such as which classes translation exchanged."""
    columns: list[Column] = [("translator", row_name), *_segmenter_column(board)]
    lines = []
    for row, cells in zip(board.rows, _cells(board, columns), strict=True):
        lines += [(*cells, highlight) for highlight in row.highlights[:HIGHLIGHTS]]
    return TextTable(
        title=f"Highlights of the first seed: {title(board)}",
        headings=(*_headings(columns), "what was found"),
        rows=tuple(lines),
        fixed=len(columns) + 1,
        notes=() if lines else ("No metric of these records has any; 'semantic-flip' does.",),
    )


def costs_grid(board: Board) -> TextTable:
    """What the trainings of each row took: the translator's, and the segmenter's."""
    columns: list[Column] = [("translator", row_name), *_segmenter_column(board)]
    for kind in training_kinds():
        # made by a function, as a lambda of this loop would see the kind of its last turn
        columns += [
            (f"{kind.plugin} on", _cost_cell(kind.name, lambda training: training.device)),
            ("minutes", _cost_cell(kind.name, lambda training: f"{training.minutes:.1f}")),
            ("images/s", _cost_cell(kind.name, lambda training: decimal_text(training.images_per_second, 1))),
            ("GiB", _cost_cell(kind.name, lambda training: decimal_text(training.memory, 2))),
        ]
    return TextTable(
        title=f"Cost of trainings: {title(board)}",
        headings=_headings(columns),
        rows=_cells(board, columns),
        fixed=1 + len(_segmenter_column(board)),
        notes=(
            "Means over the seeds that are done. Minutes are those of the last attempt, whatever else ran; memory "
            "is the most that was held, of the GPU where there is one, else of the process.",
        ),
    )


def _cost_cell(kind: str, text: Callable[[Training], str]) -> Callable[[Row], str]:
    return lambda row: text(row.trainings[kind]) if kind in row.trainings else EMPTY


def title(board: Board) -> str:
    """Scenario and protocol, with the number of classes that every value is over."""
    size = "x".join(map(str, board.size))
    variant = f" ({board.variant})" if board.variant else ""
    caution = f" (! {board.flag})" if board.flag else ""
    seeds = ", ".join(map(str, board.seeds))
    parts = [board.scenario]
    if _has_one_segmenter(board):
        parts.append(board.rows[0].segmenter)
    parts += [f"{len(board.classes)} classes", f"{size} px"]
    parts += [f"budget {board.budget}{variant}", f"checkpoint {board.checkpoint}{caution}"]
    if board.score_translations == "test":
        parts.append("translations of the test split")
    parts.append(f"seed {seeds}" if len(board.seeds) == 1 else f"seeds {seeds}")
    return " · ".join(parts)


def notes(board: Board) -> list[str]:
    """Lines below the table: variants, failures, why values are missing, what must not be compared."""
    return [*_variants(board), *_failures(board), *_missing_values(board), *board.warnings]


def heading(board: Board, metric: str) -> str:
    """Name of a column, with its unit, and an arrow where lower is better."""
    value = board.value(metric)
    arrow = "" if value.higher_is_better else "↓"
    parts = [column_name(board, metric), value.unit, arrow]
    return " ".join(part for part in parts if part)


def column_name(board: Board, metric: str) -> str:
    """Name of a column without its unit."""
    return board.value(metric).heading or metric


def row_name(row: Row) -> str:
    """Alias of the translator, with its role, and a mark where rows share the alias."""
    role = f" ({row.role})" if row.role else ""
    mark = f" [{row.config_key[:6]}]" if row.differs else ""
    return f"{row.translator}{role}{mark}"


def _segmenter_column(board: Board) -> list[Column]:
    """A column for the segmenter; none where all rows have the same, which the title then names."""
    return [] if _has_one_segmenter(board) else [("segmenter", lambda row: row.segmenter)]


def _has_one_segmenter(board: Board) -> bool:
    return len({row.segmenter for row in board.rows}) == 1


def _metric_cell(board: Board, name: str) -> Callable[[Row], str]:
    factor, decimals = factor_and_decimals(board.value(name))
    return lambda row: number(row.metrics[name], factor, decimals, len(row.seeds))


def _extra_cell(board: Board, name: str) -> Callable[[Row], str]:
    decimals = column_decimals(row.extra.get(name) for row in board.rows)
    return lambda row: decimal_text(row.extra.get(name), decimals)


def _is_column(board: Board, name: str) -> bool:
    """Whether a value is a headline that some row has; one that nobody has is explained below the table."""
    return board.value(name).headline and any(row.metrics[name].mean is not None for row in board.rows)


def _variants(board: Board) -> list[str]:
    return [f"{row_name(row)}: {row.differs}" for row in board.rows if row.differs]


def _failures(board: Board) -> list[str]:
    lines = []
    for row in board.rows:
        seeds: dict[str, list[int]] = defaultdict(list)  # often all seeds failed for one reason
        for seed, reason in row.failures.items():
            seeds[reason].append(seed)
        parts = [f"seed {comma_list(map(str, which))} {reason}" for reason, which in seeds.items()]
        if parts:
            lines.append(f"{_full_name(board, row)}: {len(row.seeds)}/{len(row.wanted)} seeds; {'; '.join(parts)}")
    if any(not row.seeds for row in board.rows):
        lines.append("a row of an old trial is removed by `bench drop ROW`")
    return lines


def _missing_values(board: Board) -> list[str]:
    """One line for each reason, with the columns and rows that have no value because of it."""
    found: dict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for row in board.rows:
        for name in board.metrics:
            reason = row.metrics[name].reason
            headline = board.value(name).headline
            if row.seeds and headline and reason not in ("", NOTHING_TRANSLATED, NOT_MEASURED):
                columns, rows = found[reason]
                columns.append(column_name(board, name))
                rows.append(_full_name(board, row))
    return [f"{comma_list(columns)} missing for {comma_list(rows)}: {why}" for why, (columns, rows) in found.items()]


def _full_name(board: Board, row: Row) -> str:
    return row_name(row) if _has_one_segmenter(board) else f"{row_name(row)} x {row.segmenter}"
