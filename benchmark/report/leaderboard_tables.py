"""A board as tables of text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from benchmark.plan.stage_kinds import training_kinds
from benchmark.report.tables import (
    EMPTY,
    TextTable,
    column_decimals,
    comma_list,
    duration,
    factor_and_decimals,
    number,
    rounded,
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
    extra = sorted({name for row in board.rows for name in row.extra})
    columns: list[Column] = [
        ("#", lambda row: EMPTY if row.rank is None else str(row.rank)),
        ("translator", row_name),
        *_segmenter_column(board),
        *metrics[:2],
        ("seeds", lambda row: str(len(row.seeds)) if row.complete else f"{len(row.seeds)}/{len(row.wanted)}"),
        *metrics[2:],
        *((name, _extra_cell(board, name)) for name in extra),
        ("cost h:mm:ss", lambda row: EMPTY if row.seconds is None else duration(row.seconds)),
    ]
    return TextTable(
        title=title(board),
        headings=tuple(name for name, _ in columns),
        rows=tuple(tuple(cell(row) for _, cell in columns) for row in board.rows),
        fixed=2 + len(_segmenter_column(board)),
        dim=frozenset(index for index, row in enumerate(board.rows) if row.role),
        notes=(*EXPLANATIONS, *([ONE_SEED] if len(board.seeds) == 1 else []), *notes(board)),
    )


def per_class_grid(board: Board) -> TextTable:
    """IoU of each class (rows) in each row of the board (columns)."""
    return TextTable(
        title=f"IoU % by class: {title(board)}",
        headings=("class", *(_full_name(board, row) for row in board.rows)),
        rows=tuple(
            (name, *(number(row.per_class.get(name, Estimate(None, None, 0)), 100, 1) for row in board.rows))
            for name in board.classes
        ),
        notes=(f"{EMPTY}: the class is not in the test labels or predictions, or the row is not done.",),
    )


def highlights_grid(board: Board) -> TextTable:
    """Lines of text by metrics about each row, such as which classes translation exchanged."""
    columns: list[Column] = [("translator", row_name), *_segmenter_column(board)]
    lines = [(row, line) for row in board.rows for line in row.highlights[:HIGHLIGHTS]]
    return TextTable(
        title=f"Highlights of the first seed: {title(board)}",
        headings=(*(name for name, _ in columns), "what was found"),
        rows=tuple((*(cell(row) for _, cell in columns), line) for row, line in lines),
        fixed=len(columns) + 1,
        notes=() if lines else ("No metric of these records has any; 'semantic-flip' does.",),
    )


def costs_grid(board: Board) -> TextTable:
    """What the trainings of each row took: the translator's, and the segmenter's."""
    columns: list[Column] = [("translator", row_name), *_segmenter_column(board)]
    for kind in training_kinds():
        columns += [
            (f"{kind.plugin} on", _cost_cell(kind.name, lambda training: training.device)),
            ("minutes", _cost_cell(kind.name, lambda training: f"{training.minutes:.1f}")),
            ("images/s", _cost_cell(kind.name, lambda training: rounded(training.images_per_second, 1))),
            ("GiB", _cost_cell(kind.name, lambda training: rounded(training.memory, 2))),
        ]
    return TextTable(
        title=f"Cost of trainings: {title(board)}",
        headings=tuple(name for name, _ in columns),
        rows=tuple(tuple(cell(row) for _, cell in columns) for row in board.rows),
        fixed=1 + len(_segmenter_column(board)),
        notes=(
            "Means over the seeds that are done. Minutes are those of the last attempt, whatever else ran; memory "
            "is the most that was held, of the GPU where there is one, else of the process.",
        ),
    )


def _cost_cell(kind: str, text: Callable[[Training], str]) -> Callable[[Row], str]:
    return lambda row: text(row.trainings[kind]) if kind in row.trainings else EMPTY


def title(board: Board) -> str:
    """Scenario and protocol, with every number's class count."""
    parts = [
        board.scenario,
        *([board.rows[0].segmenter] if _one_segmenter(board) else []),
        f"{len(board.classes)} classes",
        f"{'x'.join(map(str, board.size))} px",
        f"budget {board.budget}" + (f" ({board.variant})" if board.variant else ""),
        f"checkpoint {board.checkpoint}" + (f" (! {board.flag})" if board.flag else ""),
        *(["translations of the test split"] if board.score_translations == "test" else []),
        f"{'seed' if len(board.seeds) == 1 else 'seeds'} {', '.join(map(str, board.seeds))}",
    ]
    return " · ".join(parts)


def notes(board: Board) -> list[str]:
    """What the cells cannot say: failures, why something is missing, what must not be compared."""
    return [*_variants(board), *_failures(board), *_missing(board), *board.warnings]


def heading(board: Board, metric: str) -> str:
    """Name of a column, with its unit, and an arrow where lower is better."""
    value = board.value(metric)
    arrow = "" if value.higher_is_better else "↓"
    return " ".join(filter(None, [column_name(board, metric), value.unit, arrow]))


def column_name(board: Board, metric: str) -> str:
    """Name of a column without its unit."""
    return board.value(metric).heading or metric


def row_name(row: Row) -> str:
    """Alias of the translator, with its role, and a mark where rows share the alias."""
    role = f" ({row.role})" if row.role else ""
    return f"{row.translator}{role}" + (f" [{row.config_key[:6]}]" if row.differs else "")


def _segmenter_column(board: Board) -> list[Column]:
    return [] if _one_segmenter(board) else [("segmenter", lambda row: row.segmenter)]


def _one_segmenter(board: Board) -> bool:
    return len({row.segmenter for row in board.rows}) == 1


def _metric_cell(board: Board, name: str) -> Callable[[Row], str]:
    factor, decimals = factor_and_decimals(board.value(name))
    return lambda row: number(row.metrics[name], factor, decimals, len(row.seeds))


def _extra_cell(board: Board, name: str) -> Callable[[Row], str]:
    decimals = column_decimals(row.extra.get(name) for row in board.rows)
    return lambda row: rounded(row.extra.get(name), decimals)


def _is_column(board: Board, name: str) -> bool:
    """Whether a value is a headline that some row has; one that nobody has is explained below the table."""
    return board.value(name).headline and any(row.metrics[name].mean is not None for row in board.rows)


def _variants(board: Board) -> list[str]:
    return [f"{row_name(row)}: {row.differs}" for row in board.rows if row.differs]


def _failures(board: Board) -> list[str]:
    lines = []
    for row in board.rows:
        seeds: dict[str, list[int]] = defaultdict(list)
        for seed, reason in row.failures.items():
            seeds[reason].append(seed)
        parts = [f"seed {', '.join(map(str, which))} {reason}" for reason, which in seeds.items()]
        if parts:
            lines.append(f"{_full_name(board, row)}: {len(row.seeds)}/{len(row.wanted)} seeds; {'; '.join(parts)}")
    if any(not row.seeds for row in board.rows):
        lines.append("a row of an old trial is removed by `bench drop ROW`")
    return lines


def _missing(board: Board) -> list[str]:
    """One line for each reason, with the columns and rows it emptied."""
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
    return row_name(row) if _one_segmenter(board) else f"{row_name(row)} x {row.segmenter}"
