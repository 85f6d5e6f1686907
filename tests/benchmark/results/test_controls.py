"""Rows are held against the strongest control of their family, and the classes that the oracle learns."""

import pytest

from benchmark.report.export import as_csv, json_rows
from benchmark.report.leaderboard_tables import leaderboard_grid
from benchmark.results.leaderboard import boards

SEEDS = (0, 1, 2)
NOISE = {
    "cyclegan": (0.00, 0.01, 0.02),
    "cut": (0.02, 0.0, 0.01),
    "fda": (0.01, 0.0, 0.0),
    "target-statistics": (0.01, 0.015, 0.0),
}


def _cells(record, name, miou, **fields):
    noise = NOISE.get(name, (0.0, 0.005, 0.012))
    return [record(name, seed, miou + noise[seed], **fields) for seed in SEEDS]


@pytest.fixture
def family(record):
    """Plain and augmented rows of one family, whose strongest control is augmented."""
    augmented = {"segmenter": "deeplabv3-augmented", "family": "deeplabv3"}
    return [
        *_cells(record, "source-only", 0.1),
        *_cells(record, "source-only", 0.3, **augmented),
        *_cells(record, "target-statistics", 0.2, role="control"),
        *_cells(record, "oracle", 0.8),
        *_cells(record, "cyclegan", 0.5),
        *_cells(record, "cut", 0.25),
        *_cells(record, "fda", 0.05),
    ]


def _rows(records):
    (board,) = boards(records)
    return {(row.translator, row.segmenter): row for row in board.rows}


def test_the_strongest_control_of_any_alias_of_the_family_counts(family):
    row = _rows(family)["cyclegan", "deeplabv3"]
    assert (row.control.translator, row.control.segmenter) == ("source-only", "deeplabv3-augmented")
    assert row.metrics["over_control"].mean == pytest.approx(0.5 + 0.01 - 0.3 - 0.017 / 3)
    assert row.metrics["over_control"].ci95 is not None


def test_only_a_row_that_is_better_beyond_doubt_beats_its_control(family):
    rows = _rows(family)
    beaten = {row.translator for row in rows.values() if row.control is not None and row.control.beaten}
    assert beaten == {"cyclegan"}
    assert rows["cyclegan", "deeplabv3"].control.p_adjusted == pytest.approx(
        3 * rows["cyclegan", "deeplabv3"].metrics["over_control"].p
    )


def test_a_control_is_held_against_the_strongest_other_one(family):
    rows = _rows(family)
    control = rows["source-only", "deeplabv3-augmented"].control
    assert (control.translator, control.segmenter) == ("target-statistics", "deeplabv3")
    assert control.p_adjusted is None  # the correction is over rows that are no controls


def test_a_control_of_other_data_is_no_control(family, record):
    for cell in family:
        if cell["segmenter"] == "deeplabv3-augmented":
            cell["data"] = None
    control = _rows(family)["cyclegan", "deeplabv3"].control
    assert (control.translator, control.segmenter) == ("target-statistics", "deeplabv3")


def test_the_only_control_has_no_other_one_to_beat(record):
    rows = _rows([*_cells(record, "source-only", 0.1), *_cells(record, "cyclegan", 0.5)])
    assert rows["source-only", "deeplabv3"].metrics["over_control"].reason == "no other control row"


def test_a_control_that_lacks_seeds_is_named(record):
    cells = [*_cells(record, "source-only", 0.1)[:2], *_cells(record, "cyclegan", 0.5)]
    difference = _rows(cells)["cyclegan", "deeplabv3"].metrics["over_control"]
    assert (difference.n, difference.reason) == (2, "over seed 0, 1 alone: source-only lacks 2")


def test_the_board_names_the_control_what_beats_it_and_what_is_below_the_floor(family):
    (board,) = boards(family)
    grid = leaderboard_grid(board)
    (over,) = (note for note in grid.notes if note.startswith("over control"))
    assert over.endswith("to the strongest control of the family: source-only x deeplabv3-augmented")
    assert "better than it, marked * (Holm's correction over 3 rows, 5 %): cyclegan x deeplabv3" in grid.notes
    assert "below the floor on average: fda x deeplabv3" in grid.notes
    column = grid.headings.index("over control %")
    marked = [row[1] for row in grid.rows if row[column].endswith(" *")]
    assert marked == ["cyclegan"]


def test_programs_get_the_strongest_control(family):
    rows = {(row["translator"], row["segmenter"]): row for row in json_rows(boards(family))}
    control = rows["cyclegan", "deeplabv3"]["strongest_control"]
    assert (control["translator"], control["segmenter"], control["beaten"]) == (
        "source-only",
        "deeplabv3-augmented",
        True,
    )
    assert rows["cyclegan", "deeplabv3"]["over_control"]["p"] < 0.05
    assert "source-only x deeplabv3-augmented,True" in as_csv(boards(family))


def test_one_seed_beats_no_control(record):
    row = _rows([record("source-only", 0, 0.1), record("cyclegan", 0, 0.5)])["cyclegan", "deeplabv3"]
    assert (row.control.p_adjusted, row.control.beaten) == (None, False)


def _with_classes(record, name, road, sky, car):
    iou = {"road": road, "sky": sky, "car": car}
    present = [value for value in iou.values() if value is not None]
    return record(name, 0, sum(present) / len(present), details={"segmentation": {"iou": iou}})


def test_learnable_classes_are_those_that_the_oracle_reads(record):
    cells = [_with_classes(record, "oracle", 0.9, 0.7, 0.05), _with_classes(record, "cyclegan", 0.5, 0.3, 0.1)]
    (board,) = boards(cells)
    assert board.unlearnable == ("car",)
    assert [row.metrics["miou_learnable"].mean for row in board.rows] == pytest.approx([0.8, 0.4])
    grid = leaderboard_grid(board)
    assert grid.headings[2:4] == ("mIoU %", "mIoU learnable %")
    assert "mIoU learnable leaves out what the oracle reads with less than 10 %: car" in grid.notes
    assert json_rows([board])[0]["unlearnable_classes"] == ["car"]


@pytest.mark.parametrize("name", ["oracle", "cyclegan"])
def test_without_a_class_to_leave_out_there_is_no_second_miou(record, name):
    (board,) = boards([_with_classes(record, name, 0.9, 0.7, 0.3)])
    assert "miou_learnable" not in board.metrics
    assert "mIoU learnable %" not in leaderboard_grid(board).headings
