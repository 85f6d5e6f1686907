"""A board as tables of text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from benchmark.plan.stage_kinds import training_kinds
from benchmark.report.tables import EMPTY, TextTable, comma_list, duration, number, rounded
from benchmark.results.board import (
    NOT_MEASURED,
    NOTHING_TRANSLATED,
    SEGMENTATION,
    TRANSLATION,
    Board,
    Row,
    Training,
    metric_names,
)
from benchmark.results.statistics import Estimate

HEADINGS = {
    "miou": "mIoU %",
    "pixel_accuracy": "pixel acc %",
    "mean_pixel_accuracy": "mean acc %",
    "fwiou": "FWIoU %",
    "gap_recovered": "gap rec. %",
    "ssim": "SSIM",
    "fid": "FID",
    "kid": "KID",
    "flip_rate": "flips %",
    "fcn_score_miou": "FCN-score mIoU %",
    "cycle_error": "cycle error %",
    "diversity": "diversity %",
    "label_pixel_accuracy": "label pixel acc %",
    "label_class_accuracy": "label mean acc %",
    "label_iou": "label mIoU %",
}
DECIMALS = {"ssim": 3, "fid": 1, "kid": 4}
ORDER = (
    *("miou", "gap_recovered", "pixel_accuracy", "mean_pixel_accuracy", "fwiou"),
    *("flip_rate", "fcn_score_miou", "label_pixel_accuracy", "label_class_accuracy", "label_iou"),
    *("fid", "kid", "ssim", "cycle_error", "diversity"),
)
HIGHLIGHTS = 3
"""Lines per row that are printed; all of them are in the record."""
Column = tuple[str, Callable[[Row], str]]
EXPLANATIONS = (
    "± is a 95 % t-interval over the n seeds of the column 'seeds'; no interval at n = 1. Shares are in percent.",
    "gap rec. is (mIoU - source-only) / (oracle - source-only), paired by seed: 0 at the floor, 100 at the ceiling.",
)


def leaderboard_grid(board: Board) -> TextTable:
    """The board as a person wants to read it."""
    names = [name for name in _ordered(metric_names(board)) if _worth_a_column(board, name)]
    metrics: list[Column] = [(heading(board, name), _metric_cell(board, name)) for name in names]
    extra = sorted({name for row in board.rows for name in row.extra})
    columns: list[Column] = [
        ("#", lambda row: EMPTY if row.rank is None else str(row.rank)),
        ("translator", row_name),
        *_segmenter_column(board),
        *metrics[:2],
        ("seeds", lambda row: str(len(row.seeds)) if row.complete else f"{len(row.seeds)}/{len(row.wanted)}"),
        *metrics[2:],
        *((name, _extra_cell(name)) for name in extra),
        ("cost h:mm:ss", lambda row: EMPTY if row.seconds is None else duration(row.seconds)),
    ]
    return TextTable(
        title=title(board),
        headings=tuple(name for name, _ in columns),
        rows=tuple(tuple(cell(row) for _, cell in columns) for row in board.rows),
        fixed=2 + len(_segmenter_column(board)),
        dim=frozenset(index for index, row in enumerate(board.rows) if row.role),
        notes=(*EXPLANATIONS, *notes(board)),
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
    """What metrics have to tell of each row beside numbers, such as which classes translation exchanged."""
    columns: list[Column] = [("translator", row_name), *_segmenter_column(board)]
    told = [row for row in board.rows if row.highlights]
    lines = [(row, line) for row in told for line in row.highlights[:HIGHLIGHTS]]
    return TextTable(
        title=f"Highlights of the first seed: {title(board)}",
        headings=(*(name for name, _ in columns), "what was found"),
        rows=tuple((*(cell(row) for _, cell in columns), line) for row, line in lines),
        fixed=len(columns) + 1,
        notes=() if lines else ("No metric of these records tells any; 'semantic-flip' does.",),
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
        f"budget {board.budget}",
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
    name = HEADINGS.get(metric, f"{metric} %" if is_percent(board, metric) else metric)
    return name if board.higher_is_better(metric) else f"{name} ↓"


def is_percent(board: Board, metric: str) -> bool:
    """Shares of one are shown in percent."""
    value = board.values.get(metric, {})
    return metric in SEGMENTATION or (metric not in TRANSLATION and (value.get("low"), value.get("high")) == (0, 1))


def row_name(row: Row) -> str:
    """Label of the translator, with its role, and a mark where rows share the label."""
    role = f" ({row.role})" if row.role else ""
    return f"{row.translator}{role}" + (f" [{row.config_key[:6]}]" if row.differs else "")


def _ordered(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))


def _segmenter_column(board: Board) -> list[Column]:
    return [] if _one_segmenter(board) else [("segmenter", lambda row: row.segmenter)]


def _one_segmenter(board: Board) -> bool:
    return len({row.segmenter for row in board.rows}) == 1


def _metric_cell(board: Board, name: str) -> Callable[[Row], str]:
    factor, decimals = (100, 1) if is_percent(board, name) else (1, DECIMALS.get(name, 3))
    return lambda row: number(row.metrics[name], factor, decimals) if name in row.metrics else EMPTY


def _extra_cell(name: str) -> Callable[[Row], str]:
    def cell(row: Row) -> str:
        value = row.extra.get(name)
        return EMPTY if value is None else f"{value:.4g}"

    return cell


def _worth_a_column(board: Board, name: str) -> bool:
    """Something was measured, or was tried, and it is not a side figure."""
    if not board.values.get(name, {}).get("headline", True):
        return False
    found = [row.metrics[name] for row in board.rows if name in row.metrics]
    return any(e.mean is not None or e.reason not in ("", NOT_MEASURED, NOTHING_TRANSLATED) for e in found)


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
    return lines


def _missing(board: Board) -> list[str]:
    """One line for each reason, with the columns and rows it emptied."""
    found: dict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for row in board.rows:
        for name in _ordered(row.metrics):
            reason = row.metrics[name].reason
            if row.seeds and name != "gain" and reason not in ("", NOTHING_TRANSLATED, NOT_MEASURED):
                columns, rows = found[reason]
                columns.append(heading(board, name).rstrip(" %↓"))
                rows.append(_full_name(board, row))
    return [f"{comma_list(columns)} missing for {comma_list(rows)}: {why}" for why, (columns, rows) in found.items()]


def _full_name(board: Board, row: Row) -> str:
    return row_name(row) if _one_segmenter(board) else f"{row_name(row)} x {row.segmenter}"
