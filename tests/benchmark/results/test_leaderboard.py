"""Rows come from records that may be compared; what is missing says why."""

import json
import math

import pytest

from benchmark.results.board import newest_boards, reorder
from benchmark.results.leaderboard import boards


def _rows(records, columns=None):
    (board,) = boards(records, columns)
    return {row.translator: row for row in board.rows}


@pytest.fixture
def matrix(record):
    """Two seeds of floor, ceiling and one translator, which recovers 0.4 of the gap."""
    scores = {"source-only": (0.2, 0.4), "oracle": (0.8, 0.8), "cyclegan": (0.5, 0.5)}
    return [record(name, seed, score) for name, pair in scores.items() for seed, score in enumerate(pair)]


def test_a_failed_row_gives_way_once_its_mistake_is_mended(record):
    failed = record("shift", 0, status="failed", reason="crop too large", config_key="crop-900")
    mended = record("shift", 0, 0.4, config_key="crop-90") | {"provenance": {"time": "2025-01-02T00:00:00Z"}}
    assert [row.config_key for row in boards([failed])[0].rows] == ["crop-900"]
    assert [row.config_key for row in boards([failed, mended])[0].rows] == ["crop-90"]


def test_a_done_row_stays_beside_a_later_one_of_its_name(record):
    first = record("shift", 0, 0.3, config_key="crop-60")
    later = record("shift", 0, 0.4, config_key="crop-90") | {"provenance": {"time": "2025-01-02T00:00:00Z"}}
    assert {row.config_key for row in boards([first, later])[0].rows} == {"crop-60", "crop-90"}


def test_a_row_of_an_edited_plugin_file_takes_the_place_of_the_older_one_and_the_board_says_so(record):
    def of_file(code, hour):
        row = record("shift", 0, 0.3, config_key=f"file-{code}")
        row["config"] = {**row["config"], "translator": {"name": "shift", "options": {}, "code": code}}
        return row | {"provenance": {"time": f"2025-01-01T0{hour}:00:00Z"}}

    (board,) = boards([of_file("aa", 1), of_file("bb", 2)])
    assert [row.config_key for row in board.rows] == ["file-bb"]
    [note] = [line for line in board.warnings if "older contents" in line]
    assert note.startswith("shift x ")
    (reverted,) = boards([of_file("aa", 3), of_file("bb", 2)])
    assert [row.config_key for row in reverted.rows] == ["file-aa"]


def test_equal_rows_stand_by_name_whichever_was_done_first(record):
    rows = [record(name, seed=0, miou=0.4) for name in ("shift", "oracle", "fda", "source-only")]
    for hour, row in enumerate(rows):
        row["provenance"] = {"time": f"2025-01-01T0{hour}:00:00Z"}
    (forth,), (back,) = (
        boards(rows),
        boards([row | {"provenance": {"time": "2025-01-01T00:00:00Z"}} for row in rows[::-1]]),
    )
    assert [row.translator for row in forth.rows] == ["fda", "oracle", "shift", "source-only"]
    assert [row.translator for row in back.rows] == [row.translator for row in forth.rows]


def test_rows_stand_by_mean_miou_controls_included(matrix):
    (board,) = boards(matrix)
    assert [(row.translator, row.role) for row in board.rows] == [
        ("oracle", "ceiling"),
        ("cyclegan", None),
        ("source-only", "floor"),
    ]


def _board_of(record, scores):
    cells = []
    for name, values in scores.items():
        cells += [record(name, seed, value) for seed, value in enumerate(values)]
    (board,) = boards(cells)
    return board


def test_rows_that_cannot_be_told_apart_share_a_range_of_places(record):
    board = _board_of(
        record, {"a": (0.90, 0.91, 0.92), "b": (0.50, 0.52, 0.51), "c": (0.49, 0.52, 0.53), "d": (0.10, 0.12, 0.13)}
    )
    assert {row.translator: row.places for row in board.rows} == {"a": (1, 1), "b": (2, 3), "c": (2, 3), "d": (4, 4)}


def test_further_segmenters_of_one_row_leave_the_others_complete(record):
    noise = (0.0, 0.01, 0.03)
    cells = [
        record(name, seed, miou + noise[seed] * miou) for name, miou in (("a", 0.9), ("b", 0.1)) for seed in (0, 1, 2)
    ]
    cells += [record("a", seed, 0.9, segmenter_seed=1) for seed in (0, 1, 2)]
    (board,) = boards(cells)
    assert {row.translator: (len(row.wanted), row.complete, row.places) for row in board.rows} == {
        "a": (6, True, (1, 1)),
        "b": (3, True, (2, 2)),
    }


def test_seeds_are_those_of_the_segmenter_and_one_alone_gives_no_place(record):
    cells = [
        record(name, seed, miou + seed * miou / 100) for name, miou in (("a", 0.9), ("b", 0.1)) for seed in (0, 1, 2)
    ]
    cells.append(record("a", 0, 0.95, segmenter="deeplabv3-augmented", family="deeplabv3"))
    (board,) = boards(cells)
    assert all(row.complete for row in board.rows)
    places = {(row.translator, row.segmenter): row.places for row in board.rows}
    assert places["a", "deeplabv3-augmented"] is None
    assert places["a", "deeplabv3"] == (1, 1)


def test_no_row_has_a_place_at_one_translator_seed_however_many_segmenters_it_has(record):
    cells = [
        record(name, 0, miou + k / 100, segmenter_seed=k) for name, miou in (("a", 0.9), ("b", 0.1)) for k in (0, 1, 2)
    ]
    (board,) = boards(cells)
    assert [row.places for row in board.rows] == [None, None]
    assert board.rows[0].metrics["miou"].ci95 is None


def test_the_gap_is_the_ratio_of_means_over_seeds(matrix):
    gap = _rows(matrix)["cyclegan"].metrics["gap_recovered"]
    assert gap.mean == pytest.approx((0.5 - 0.3) / (0.8 - 0.3))
    assert gap.n == 2


def test_the_gain_is_the_paired_difference_to_source_only(matrix):
    assert _rows(matrix)["cyclegan"].metrics["gain"].mean == pytest.approx((0.3 + 0.1) / 2)


def test_a_row_that_learnt_from_the_auxiliary_segmenter_is_held_against_the_same_floor(matrix):
    for cell in matrix:
        if cell["translator"] == "cyclegan":
            cell["config"]["auxiliary_segmenter"] = {"name": "deeplabv3", "options": {}}
    assert _rows(matrix)["cyclegan"].metrics["gap_recovered"].mean == pytest.approx(0.4)


def test_rows_whose_translations_were_scored_on_another_split_are_another_board(matrix):
    matrix[-1]["config"]["scenario"] = matrix[-1]["config"]["scenario"] | {"score_translations": "test"}
    assert len(boards(matrix)) == 2


def test_families_of_segmenters_are_boards_of_their_own(matrix, record):
    other = [record(name, 0, 0.9, segmenter="unet") for name in ("source-only", "cyclegan")]
    by_family = {board.family: board for board in boards(matrix + other)}
    assert set(by_family) == {"deeplabv3", "unet"}
    assert all(row.complete for board in by_family.values() for row in board.rows)  # one seed is all that unet has
    gap = {row.translator: row.metrics["gap_recovered"] for row in by_family["unet"].rows}["cyclegan"]
    assert (gap.mean, gap.reason) == (None, "no oracle result")


def test_boards_of_all_families_of_the_newest_protocol_are_current(matrix, record):
    other = record("cyclegan", 0, 0.9, segmenter="unet", provenance={"time": "2025-02-01T00:00:00Z"})
    old = record("cyclegan", 0, 0.9, budget="smoke", provenance={"time": "2024-02-01T00:00:00Z"})
    current, others = newest_boards(boards([*matrix, other, old]))
    assert {board.family for board in current} == {"deeplabv3", "unet"}
    assert [board.budget for board in others] == ["smoke"]


def test_the_gap_is_taken_within_one_segmenter_of_a_family(matrix, record):
    augmented = [
        record(name, seed, 0.9, segmenter="deeplabv3-augmented", family="deeplabv3")
        for name in ("source-only", "cyclegan")
        for seed in (0, 1)
    ]
    (board,) = boards(matrix + augmented)
    gaps = {(row.translator, row.segmenter): row.metrics["gap_recovered"] for row in board.rows}
    assert gaps["cyclegan", "deeplabv3"].mean == pytest.approx(0.4)
    assert gaps["cyclegan", "deeplabv3-augmented"].reason == "no oracle result"


def test_a_seed_without_its_oracle_is_left_out_of_the_gap_with_the_reason(matrix):
    without = [r for r in matrix if not (r["translator"] == "oracle" and r["seed"] == 1)]
    gap = _rows(without)["cyclegan"].metrics["gap_recovered"]
    assert (gap.mean, gap.n) == (pytest.approx(0.5), 1)
    assert gap.reason == "over seed 0 alone: oracle lacks 1"


def test_a_row_that_lacks_a_seed_of_its_board_is_incomplete_and_below(matrix, record):
    best_but_alone = record("colour", 0, 0.99)
    (board,) = boards([*matrix, best_but_alone])
    assert [row.translator for row in board.rows][-1] == "colour"
    row = board.rows[-1]
    assert (row.places, row.complete, row.seeds, row.wanted) == (None, False, (0,), ((0, 0), (1, 0)))
    assert row.failures == {(1, 0): "not run"}


def test_a_failed_seed_shows_status_and_reason_and_keeps_the_others(matrix, record):
    failed = record("colour", 1, status="oom", reason="killed at 2.1 GB")
    row = _rows([*matrix, record("colour", 0, 0.6), failed])["colour"]
    assert row.failures == {(1, 0): "oom: killed at 2.1 GB"}
    assert row.metrics["miou"].mean == 0.6
    assert row.metrics["miou"].ci95 is None


def test_a_failed_seed_does_not_count_in_the_cost_of_its_row(matrix, record):
    failed = record("colour", 1, status="failed", reason="boom")
    failed["cost"] = {"seconds": 3.0, "peak_memory_bytes": 0}
    row = _rows([*matrix, record("colour", 0, 0.6), failed])["colour"]
    assert row.seconds == 90


def test_a_row_without_any_done_seed_stays_listed(matrix, record):
    row = _rows([*matrix, record("broken", 0, status="failed", reason="boom")])["broken"]
    assert row.seeds == ()
    assert row.metrics["miou"].mean is None


def test_different_options_of_one_label_are_rows_of_their_own_and_say_what_differs(record):
    records = [record("cyclegan", seed, 0.5, options={"pool": 50, "cycle": w}) for w in (5, 10) for seed in (0, 1)]
    (board,) = boards(records)
    assert sorted(row.differs for row in board.rows) == ["translator.cycle=10", "translator.cycle=5"]
    assert all(row.metrics["miou"].n == 2 for row in board.rows)


@pytest.mark.parametrize(
    "change", [{"budget": "smoke"}, {"size": [32, 64]}, {"classes": ["road"]}, {"checkpoint": "oracle-val"}]
)
def test_what_was_measured_otherwise_is_another_board(record, change):
    assert len(boards([record("cyclegan", 0, 0.5), record("cyclegan", 1, 0.5, **change)])) == 2


def test_a_new_summary_of_a_scenario_does_not_part_boards(record):
    changed = record("cyclegan", 1, 0.5)
    changed["config"] = {**changed["config"], "scenario": {**changed["config"]["scenario"], "summary": "new words"}}
    assert len(boards([record("cyclegan", 0, 0.5), changed])) == 1


def test_the_board_worked_on_last_stands_for_its_scenario(record):
    later = {"provenance": {"time": "2025-02-01T00:00:00Z"}}
    every = boards([record("cyclegan", 0, 0.5), record("cyclegan", 0, 0.1, budget="smoke", **later)])
    shown, hidden = newest_boards(every)
    assert ([b.budget for b in shown], [b.budget for b in hidden]) == (["smoke"], ["cpu"])


def test_the_newest_of_two_records_of_one_cell_counts(record):
    later = record("cyclegan", 0, 0.7, provenance={"time": "2025-02-01T00:00:00Z"})
    assert _rows([later, record("cyclegan", 0, 0.5)])["cyclegan"].metrics["miou"].mean == 0.7


def test_every_row_has_every_value_of_its_board_and_says_why_it_is_empty(matrix, record):
    values = {"ssim": {"higher_is_better": True}}
    record_without_fid = record("colour", 0, 0.5, missing={"fid": "no Inception weights"}, values=values)
    rows = _rows([*matrix, record_without_fid])
    assert set(rows["oracle"].metrics) == {"miou", "gap_recovered", "over_control", "fid", "ssim", "gain"}
    assert rows["colour"].metrics["fid"].reason == "no Inception weights"
    assert rows["oracle"].metrics["fid"].reason == "a control row translates nothing"
    assert rows["colour"].metrics["ssim"].reason == "not measured"


def test_a_value_that_is_no_number_is_missing_with_its_reason(record):
    row = _rows([record("cyclegan", 0, math.nan), record("cyclegan", 1, 0.4)])["cyclegan"]
    assert (row.metrics["miou"].mean, row.metrics["miou"].n) == (0.4, 1)
    assert row.metrics["miou"].reason == "nan is not a finite number"


def test_per_class_values_are_averaged_over_the_seeds_that_have_the_class(record):
    tables = [{"road": 0.8, "car": None}, {"road": 0.6, "car": 0.2}]
    records = [
        record("cyclegan", seed, 0.5, details={"segmentation": {"iou": table}}) for seed, table in enumerate(tables)
    ]
    per_class = _rows(records)["cyclegan"].per_class
    assert per_class["road"].mean == pytest.approx(0.7)
    assert (per_class["car"].mean, per_class["car"].n) == (0.2, 1)


def test_fids_of_different_extractors_are_warned_about(record):
    kinds = [{"conditions": {"reference_images": 100, "extractor": name}} for name in ("inception", "other")]
    records = [record(f"t{i}", 0, 0.5, details={"fid": kind}) for i, kind in enumerate(kinds)]
    (board,) = boards(records)
    (warning,) = board.warnings
    assert "fid was not measured alike" in warning
    assert "extractor=inception, reference_images=100 | extractor=other" in warning
    assert boards(records[:1])[0].warnings == ()


def test_trainings_on_unlike_devices_are_warned_about(record):
    def trained(name, device, precision):
        fit = {"device": device, "precision": precision, "provenance": {"git": "abc"}}
        return record(name, 0, 0.5, stages={"fit-segmenter": fit})

    (board,) = boards([trained("a", "cpu", "fp32"), trained("b", "cuda", "bf16")])
    assert board.warnings == ("trainings were not computed alike: bf16 on cuda, fp32 on cpu",)
    assert boards([trained("a", "cpu", "bf16"), trained("b", "cpu", "bf16")])[0].warnings == ()


def test_what_a_metric_notes_about_its_numbers_is_said_once(record):
    details = {"fid": {"note": "biased upwards"}}
    (board,) = boards([record(name, 0, 0.5, details=details) for name in ("a", "b")])
    assert board.warnings == ("fid: biased upwards",)


def test_a_checkpoint_chosen_on_target_labels_is_flagged(record):
    assert boards([record("cyclegan", 0, 0.5)])[0].flag == ""
    assert "target labels" in boards([record("cyclegan", 0, 0.5, checkpoint="oracle-val")])[0].flag


def test_sorting_by_a_metric_that_falls_puts_the_lowest_first(record):
    records = [record(name, 0, 0.5, metrics={"miou": m, "fid": f}) for name, m, f in (("a", 0.9, 80), ("b", 0.1, 20))]
    (board,) = boards(records)
    assert [row.translator for row in reorder(board, "fid").rows] == ["b", "a"]
    assert [row.places for row in reorder(board, "fid").rows] == [None, None]


def test_columns_stand_as_the_metrics_of_the_matrix_ranking_first_and_side_figures_last(record):
    values = {
        "zeal": {"higher_is_better": True},
        "side": {"higher_is_better": True, "headline": False},
        "miou": {"higher_is_better": True},
        "edges": {"higher_is_better": True},
    }
    (board,) = boards([record("a", 0, metrics={"miou": 0.5, "edges": 0.1}, values=values)])
    assert board.metrics == ("miou", "gap_recovered", "over_control", "zeal", "edges", "side", "gain")


def test_columns_get_the_done_records_of_a_row(matrix):
    rows = _rows(matrix, lambda records: {"hours": sum(r["cost"]["seconds"] for r in records) / 3600})
    assert rows["cyclegan"].extra == {"hours": pytest.approx(180 / 3600)}
    assert rows["cyclegan"].seconds == 90


def test_no_records_make_no_boards():
    assert boards([]) == []


def test_records_survive_a_round_trip_through_json(matrix):
    assert boards(json.loads(json.dumps(matrix))) == boards(matrix)
