"""Cells show percent with a named margin; whatever is missing is explained below the table."""

import io

import pytest
from rich.console import Console

from benchmark.report.export import json_rows
from benchmark.report.leaderboard_tables import costs_grid, highlights_grid, leaderboard_grid, per_class_grid
from benchmark.report.markdown import grid_markdown
from benchmark.report.tables import duration, number
from benchmark.report.terminal import print_grid
from benchmark.results.leaderboard import boards
from benchmark.results.seed_pairs import SeedPair
from benchmark.results.statistics import Estimate, estimate


@pytest.fixture
def matrix(record):
    scores = {"source-only": 0.2, "oracle": 0.8, "cyclegan": 0.5}
    return [record(name, seed, score + seed / 100) for name, score in scores.items() for seed in (0, 1)]


def _estimate(*values):
    return estimate({SeedPair(seed): value for seed, value in enumerate(values)})


def _grid(records, columns=None):
    (board,) = boards(records, columns)
    return leaderboard_grid(board)


def _cell(grid, row, heading):
    (found,) = (cells for cells in grid.rows if cells[1] == row)
    return found[grid.headings.index(heading)]


def test_shares_are_percent_with_half_the_interval(record):
    grid = _grid([record("cyclegan", seed, value) for seed, value in enumerate((0.5, 0.6, 0.7))])
    assert _cell(grid, "cyclegan", "mIoU %") == "60.0 ± 24.8"  # 4.3027 * 0.1 / sqrt(3)
    assert any("± is a 95 % t-interval over the n translator seeds" in note for note in grid.notes)


def test_one_seed_shows_no_margin(record):
    assert _cell(_grid([record("cyclegan", 0, 0.5)]), "cyclegan", "mIoU %") == "50.0"


def test_controls_are_marked_and_set_back(matrix):
    grid = _grid(matrix)
    assert [cells[1] for cells in grid.rows] == ["oracle (ceiling)", "cyclegan", "source-only (floor)"]
    assert grid.dim == {0, 2}


def test_the_title_names_what_all_numbers_share(matrix):
    assert (
        _grid(matrix).title == "streets · deeplabv3 · 3 classes · 64x128 px · budget cpu · checkpoint last · seeds 0, 1"
    )


def test_a_checkpoint_chosen_on_target_labels_is_flagged_in_the_title(record):
    assert "(! checkpoint chosen on target labels)" in _grid([record("a", 0, 0.5, checkpoint="oracle-val")]).title


def test_a_table_over_translations_of_the_test_split_says_so(record):
    cell = record("a", 0, 0.5)
    assert "test split" not in _grid([cell]).title
    cell["config"]["scenario"]["score_translations"] = "test"
    assert "translations of the test split" in _grid([cell]).title
    assert json_rows(boards([cell]))[0]["score_translations"] == "test"


def test_whatever_metrics_plugins_declare_stands_in_the_terminal_and_on_the_page(record):
    values = {name: {"higher_is_better": False, "low": 0, "high": None} for name in ("flips", "blur", "zeal")}
    cells = [record("cyclegan", 0, metrics={"miou": 0.5, "flips": 0.25, "blur": 1.5, "zeal": 7}, values=values)]
    grid = _grid([*cells, record("oracle", 0, 0.8)])
    assert [name for name in grid.headings if name.endswith("↓")] == ["flips ↓", "blur ↓", "zeal ↓"]
    assert "not measured" not in " ".join(grid.notes)
    out = Console(file=io.StringIO(), width=60)
    print_grid(grid, out)
    for text in (out.file.getvalue(), grid_markdown(grid)):
        assert all(number in text for number in ("0.250", "1.500", "7.000", "blur ↓", "zeal ↓"))


def test_a_side_figure_has_no_column_but_stands_in_the_data(record):
    values = {
        name: {"higher_is_better": True, "low": 0, "high": 1, "headline": name == "main"} for name in ("main", "side")
    }
    board = boards([record("a", 0, metrics={"miou": 0.5, "main": 0.25, "side": 0.75}, values=values)])
    headings = leaderboard_grid(board[0]).headings
    assert "main" in headings
    assert "side" not in headings
    assert json_rows(board)[0]["side"]["mean"] == 0.75


def test_highlights_are_those_of_the_first_seed_and_the_weightiest(record):
    cells = [record("a", seed, 0.5) for seed in (1, 0)] + [record("oracle", 0, 0.9)]
    for cell in cells[:2]:
        cell["details"] = {"flips": {"highlights": [f"seed {cell['seed']}, line {line}" for line in range(9)]}}
    grid = highlights_grid(boards(cells)[0])
    assert grid.rows == tuple(("a", f"seed 0, line {line}") for line in range(3))


def test_costs_of_trainings_are_means_over_seeds(record):
    def stage(seconds, **facts):
        return {"key": "k", "seconds": seconds, "device": "cuda", "precision": "bf16", "facts": facts, "pictures": []}

    cells = [record("a", 0, 0.5), record("a", 1, 0.6)]
    for cell, minutes in zip(cells, (1, 3), strict=True):
        gpu = {"peak_gpu_memory_bytes": minutes * 2**30, "peak_memory_bytes": 9 * 2**30}
        cell["stages"] = {"fit-translator": stage(60 * minutes, images_per_second=10.0 * minutes, **gpu)}
    grid = costs_grid(boards(cells)[0])
    assert grid.rows == (("a", "cuda bf16", "2.0", "20.0", "2.00", "-", "-", "-", "-"),)


def test_segmenters_of_one_family_get_a_column(matrix, record):
    assert "segmenter" not in _grid(matrix).headings
    augmented = record("cyclegan", 0, 0.5, segmenter="deeplabv3-augmented", family="deeplabv3")
    grid = _grid([*matrix, augmented])
    assert "segmenter" in grid.headings
    assert "family deeplabv3" in grid.title


def test_places_are_printed_as_ranges(record):
    scores = {"a": (0.90, 0.91, 0.92), "b": (0.50, 0.52, 0.51), "c": (0.49, 0.52, 0.53)}
    grid = _grid([record(name, seed, value) for name, row in scores.items() for seed, value in enumerate(row)])
    assert [cells[:2] for cells in grid.rows] == [("1", "a"), ("2-3", "c"), ("2-3", "b")]
    assert any("column # has a range of places where rows cannot be told apart" in note for note in grid.notes)


def test_a_nested_sample_counts_translator_seeds_and_segmenters(record):
    cells = [record("a", seed, 0.5 + seed / 10 + k / 100, segmenter_seed=k) for seed in (0, 1, 2) for k in (0, 1)]
    grid = _grid(cells)
    assert _cell(grid, "a", "seeds") == "3x2"
    assert "segmenter seeds 0, 1 of each" in grid.title
    incomplete = _grid([*cells, record("b", 0, 0.5), record("b", 1, status="oom", reason="x", segmenter_seed=1)])
    assert _cell(incomplete, "b", "seeds") == "1/6"
    assert "b: 1/6 seeds; seed 0.1, 1, 2, 2.1 not run; seed 1.1 oom: x" in incomplete.notes


def test_metrics_nobody_measured_take_no_column(matrix):
    assert "SSIM" not in _grid(matrix).headings


def test_a_value_that_no_row_has_takes_no_column_and_a_note_says_why(record):
    missing = {"fid": "no weights", "kid": "no weights"}
    grid = _grid([record("cyclegan", 0, 0.5, missing=missing), record("colour", 0, 0.4, missing=missing)])
    assert "FID ↓" not in grid.headings
    assert "FID, kid missing for cyclegan, colour: no weights" in grid.notes


def test_a_failed_seed_is_counted_and_explained(matrix, record):
    grid = _grid([*matrix, record("colour", 0, 0.4), record("colour", 1, status="timeout", reason="longer than 60 s")])
    assert _cell(grid, "colour", "seeds") == "1/2"
    assert _cell(grid, "colour", "#") == "-"
    assert "colour: 1/2 seeds; seed 1 timeout: longer than 60 s" in grid.notes


def test_a_row_that_never_got_done_says_how_to_remove_it(matrix, record):
    assert not any("bench drop" in note for note in _grid(matrix).notes)
    grid = _grid([*matrix, record("old-trial", 0, status="failed", reason="boom")])
    assert any("bench drop" in note for note in grid.notes)


def test_the_spread_between_segmenters_is_explained_where_it_is_shown(record):
    nested = [record("a", 0, 0.5 + k / 10, segmenter_seed=k) for k in (0, 1)]
    grid = _grid(nested)
    assert _cell(grid, "a", "mIoU %") == "55.0 (sd 7.1)"
    assert any(note.startswith("sd is the standard deviation between segmenters") for note in grid.notes)
    assert not any(note.startswith("sd is") for note in _grid(nested[:1]).notes)


def test_rows_of_one_label_are_told_apart(record):
    grid = _grid([record("cyclegan", 0, 0.5, options={"cycle": w}, config_key=f"{w}abcdefg") for w in (5, 9)])
    assert sorted(cells[1] for cells in grid.rows) == ["cyclegan [5abcde]", "cyclegan [9abcde]"]
    assert "cyclegan [5abcde]: translator.cycle=5" in grid.notes


def test_a_plugins_value_has_the_heading_unit_and_decimals_that_it_declares(record):
    values = {
        "edge_share": {"higher_is_better": True, "heading": "edges", "unit": "%"},
        "latency": {"higher_is_better": False, "unit": "ms", "decimals": 0},
        "blur": {"higher_is_better": False, "low": 0, "high": 1},
    }
    numbers = {"miou": 0.5, "edge_share": 0.25, "latency": 12.3, "blur": 0.5}
    grid = _grid([record("a", 0, metrics=numbers, values=values)])
    assert _cell(grid, "a", "edges %") == "25.0"
    assert _cell(grid, "a", "latency ms ↓") == "12"
    assert _cell(grid, "a", "blur ↓") == "0.500"


def test_hook_columns_and_cost_are_shown(record):
    grid = _grid([record("a", 0, 0.5)], lambda records: {"gpu_hours": 0.123456, "unknown": None})
    assert _cell(grid, "a", "gpu_hours") == "0.1235"
    assert _cell(grid, "a", "unknown") == "-"
    assert _cell(grid, "a", "cost h:mm:ss") == "0:01:30"


def test_the_class_table_has_a_line_for_each_class(record):
    details = {"segmentation": {"iou": {"road": 0.75, "sky": None}}}
    (board,) = boards([record("cyclegan", 0, 0.5, details=details)])
    assert per_class_grid(board).rows == (("road", "75.0"), ("sky", "-"), ("car", "-"))


def test_equal_values_show_no_margin_but_that_there_is_no_spread():
    assert number(_estimate(1.0, 1.0), 100, 1) == "100.0 (no spread)"
    assert number(_estimate(1.0), 100, 1) == "100.0"


def test_an_interval_that_is_not_symmetric_shows_both_ends():
    assert number(Estimate(0.5, (0.25, 0.625), 3), 100, 1) == "50.0 [25.0, 62.5]"


def test_the_spread_of_segmenters_is_shown_where_there_is_one_translator_seed():
    cells = {SeedPair(0, 0): 0.4, SeedPair(0, 1): 0.6}
    assert number(estimate(cells), 100, 1) == "50.0 (sd 14.1)"


def test_seeds_that_a_value_lacks_are_counted_in_its_cell(matrix):
    without = [cell for cell in matrix if (cell["translator"], cell["seed"]) != ("oracle", 1)]
    assert _cell(_grid(without), "cyclegan", "gap rec. %") == "50.0 (n=1 of 2)"


def test_rows_of_one_seed_have_no_places_and_a_note_says_why(record):
    grid = _grid([record("a", 0, 0.5), record("b", 0, 0.4)])
    assert [cells[0] for cells in grid.rows] == ["-", "-"]
    assert any("no places: of rows of one seed" in note for note in grid.notes)


def test_columns_of_hooks_are_printed_without_exponents_and_alike(record):
    numbers = {"a": 12345678.0, "b": 3.25}
    grid = _grid(
        [record(name, 0, 0.5) for name in numbers],
        lambda records: {"bytes": numbers[records[0]["translator"]], "count": 2.0},
    )
    assert (_cell(grid, "a", "bytes"), _cell(grid, "b", "bytes")) == ("12345678", "3")
    assert _cell(grid, "a", "count") == "2"


def test_escape_sequences_reach_no_table(record):
    bad = "\x1b[2Jowned\x1b]0;title\x07\x9b1m\u202e"
    cell = record(f"t{bad}", 0, status="failed", reason=f"boom {bad}", scenario=f"s{bad}")
    (board,) = boards([cell])
    grid = leaderboard_grid(board)
    text = grid_markdown(grid)
    assert "towned" in text
    assert "boom owned" in text
    assert not any(character in text for character in ("\x1b", "\x07", "\x9b", "\u202e"))


def test_markdown_shows_tags_and_bars_as_text(record):
    text = grid_markdown(_grid([record("a", 0, status="failed", reason="<script>|alert")]))
    assert "&lt;script>\\|alert" in text
    assert "<script" not in text


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00:00"), (59.6, "0:01:00"), (7300, "2:01:40")])
def test_durations_are_hours_minutes_seconds(seconds, text):
    assert duration(seconds) == text
