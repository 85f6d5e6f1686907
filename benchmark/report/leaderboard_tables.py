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
from benchmark.results.board import (
    GAIN,
    GAP_RECOVERED,
    MIOU_LEARNABLE,
    NO_OTHER_CONTROL,
    NOT_MEASURED,
    NOTHING_TRANSLATED,
    OVER_CONTROL,
    Board,
    Row,
    Training,
)
from benchmark.results.record_fields import RANKED_BY
from benchmark.results.seed_pairs import SeedPair, labels
from benchmark.results.statistics import Estimate

HIGHLIGHTS = 3
"""Lines per row that are printed; all of them are in the record."""
Column = tuple[str, Callable[[Row], str]]
MEANS = (
    "± is a 95 % t-interval over the n translator seeds of the column 'seeds', unless a cell says another n; it holds "
    "the noise of trainings, not that of the test images. No interval for one seed or without spread. "
    "Shares are in percent."
)
GAP = (
    "gap rec. is mean(mIoU - source-only) / mean(oracle - source-only) with Fieller's interval: 0 at the floor, 100 at "
    "the ceiling."
)
ONE_SEED = "no places: of rows of one seed, noise decides the order"
MARK = "*"
LEADING = (RANKED_BY, MIOU_LEARNABLE, GAP_RECOVERED, OVER_CONTROL)
"""Columns that stand before the number of seeds."""


def leaderboard_grid(board: Board) -> TextTable:
    """The board as a table for people: headlines that any row has, and what explains the rest."""
    names = [name for name in board.metrics if _is_column(board, name)]
    metrics: list[Column] = [(heading(board, name), _metric_cell(board, name)) for name in names]
    extra_names: set[str] = set()
    for row in board.rows:
        extra_names |= set(row.extra)
    identifying: list[Column] = [("#", _place_text), ("translator", row_name), *_segmenter_column(board)]
    leading = sum(name in LEADING for name in names)
    columns = [
        *identifying,
        *metrics[:leading],
        ("seeds", _seeds_text),
        *metrics[leading:],
        *((name, _extra_cell(board, name)) for name in sorted(extra_names)),
        ("cost h:mm:ss", _cost_text),
    ]
    control_rows = frozenset(index for index, row in enumerate(board.rows) if row.role)
    return TextTable(
        title=title(board),
        headings=_headings(columns),
        rows=_cells(board, columns),
        fixed=len(identifying),
        dim=control_rows,
        notes=(*explanations(board), *notes(board)),
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


def _place_text(row: Row) -> str:
    if row.places is None:
        return EMPTY
    best, worst = row.places
    return str(best) if best == worst else f"{best}-{worst}"


def _seeds_text(row: Row) -> str:
    """Number of translator seeds, with that of the segmenters of each where there are several."""
    wanted_seeds = {pair.seed for pair in row.wanted}
    segmenters = len(row.wanted) // len(wanted_seeds)
    nested = f"x{segmenters}" if segmenters > 1 else ""
    if row.complete:
        return f"{len(row.seeds)}{nested}"
    return f"{len(row.done)}/{len(row.wanted)}"


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
    parts.append(board.rows[0].segmenter if _has_one_segmenter(board) else f"family {board.family}")
    parts += [f"{len(board.classes)} classes", f"{size} px"]
    parts += [f"budget {board.budget}{variant}", f"checkpoint {board.checkpoint}{caution}"]
    if board.score_translations == "test":
        parts.append("translations of the test split")
    parts.append(f"seed {seeds}" if len(board.seeds) == 1 else f"seeds {seeds}")
    if len(board.segmenter_seeds) > 1:
        parts.append(f"segmenter seeds {', '.join(map(str, board.segmenter_seeds))} of each")
    return " · ".join(parts)


def explanations(board: Board) -> list[str]:
    """Lines that say how the numbers of a board are to be read."""
    lines = [MEANS, GAP]
    numbers_of_seeds = {len({pair.seed for pair in row.wanted}) for row in board.rows}
    if 1 in numbers_of_seeds:
        lines.append(ONE_SEED)
    if any(row.metrics[RANKED_BY].n == 1 and row.metrics[RANKED_BY].segmenter_sd is not None for row in board.rows):
        lines.append(
            "sd is the standard deviation between segmenters of one translator seed; what another training of the "
            "translator would give is not known"
        )
    if numbers_of_seeds - {1}:
        lines.append(
            "column # has a range of places where rows cannot be told apart: paired differences of all pairs of "
            f"complete rows, {_covered(board)}, Holm's correction, 5 %"
        )
    if board.unlearnable:
        lines.append(
            f"mIoU learnable leaves out what the oracle reads with less than 10 %: {', '.join(board.unlearnable)}"
        )
    return [*lines, *_control_lines(board)]


def _covered(board: Board) -> str:
    counted = all(set(row.counts) == set(row.scores) for row in board.rows)
    return "for other trainings and test images" if counted else "for other trainings on these test images"


def _control_lines(board: Board) -> list[str]:
    """Which control each row must beat, which rows do, and which are below the floor."""
    translators = [row for row in board.rows if not row.role and row.control is not None]
    if not translators:
        return []
    held_against: dict[str, list[str]] = defaultdict(list)
    for row in translators:
        if row.control is not None:
            held_against[f"{row.control.translator} x {row.control.segmenter}"].append(_full_name(board, row))
    against = [f"{control}{_of_rows(rows, translators)}" for control, rows in held_against.items()]
    lines = [f"over control is the paired difference to the strongest control of the family: {comma_list(against)}"]
    tested = [row for row in translators if row.control is not None and row.control.p_adjusted is not None]
    if tested:
        beaten = [_full_name(board, row) for row in tested if row.control is not None and row.control.beaten]
        correction = f"Holm's correction over {len(tested)} rows, 5 %"
        lines.append(f"better than it, marked {MARK} ({correction}): {comma_list(beaten) or 'none'}")
    below = [row for row in translators if (row.metrics[GAIN].mean or 0.0) < 0]
    if below:
        lines.append(f"below the floor on average: {comma_list(_full_name(board, row) for row in below)}")
    return lines


def _of_rows(names: Sequence[str], translators: Sequence[Row]) -> str:
    """For which rows something holds; nothing where it holds for all."""
    return "" if len(names) == len(translators) else f" (for {comma_list(names)})"


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

    def text(row: Row) -> str:
        mark = f" {MARK}" if name == OVER_CONTROL and row.control is not None and row.control.beaten else ""
        return number(row.metrics[name], factor, decimals, len(row.seeds)) + mark

    return text


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
        pairs: dict[str, list[SeedPair]] = defaultdict(list)  # often all seeds failed for one reason
        for pair, reason in row.failures.items():
            pairs[reason].append(pair)
        parts = [f"seed {labels(which)} {reason}" for reason, which in pairs.items()]
        if parts:
            lines.append(f"{_full_name(board, row)}: {len(row.done)}/{len(row.wanted)} seeds; {'; '.join(parts)}")
    if any(not row.done for row in board.rows):
        lines.append("a row of an old trial is removed by `bench drop ROW`")
    return lines


def _missing_values(board: Board) -> list[str]:
    """One line for each reason, with the columns and rows that have no value, or not of all seeds, because of it."""
    found: dict[tuple[str, str], tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for row in board.rows:
        for name in board.metrics:
            estimate = row.metrics[name]
            silent = ("", NOTHING_TRANSLATED, NOT_MEASURED, NO_OTHER_CONTROL)
            if row.done and board.value(name).headline and estimate.reason not in silent:
                missing = "missing for" if estimate.mean is None else "incomplete for"
                columns, rows = found[estimate.reason, missing]
                columns.append(column_name(board, name))
                rows.append(_full_name(board, row))
    return [
        f"{comma_list(columns)} {missing} {comma_list(rows)}: {why}"
        for (why, missing), (columns, rows) in found.items()
    ]


def _full_name(board: Board, row: Row) -> str:
    return row_name(row) if _has_one_segmenter(board) else f"{row_name(row)} x {row.segmenter}"
