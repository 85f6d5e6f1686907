"""Boards pair rows with controls of the same data, and say what else keeps rows from being compared."""

import copy
from pathlib import Path

import pytest

from benchmark.report.leaderboard_tables import leaderboard_grid
from benchmark.results.leaderboard import boards
from benchmark.results.record_fields import ROLES
from benchmark.results.records import read_records

ROADS = Path(__file__).parents[2] / "data" / "schema-1" / "roads"


def _provenance(**changes):
    code = {"bench_gan": "a" * 16, "benchmark": "b" * 16} | changes.pop("code", {})
    return {
        "git": "abc",
        "dirty": False,
        "threads": 1,
        "platform": "Linux-6",
        "torch": "2.11.0",
        "code": code,
    } | changes


def _trained(record, name, images=3000, **provenance):
    fit = {"key": "k", "provenance": _provenance(**provenance)}
    seen = {"translator": images, "segmenter": 4000}
    return record(name, 0, 0.5, stages={"fit-translator": fit}, images_seen=seen)


@pytest.fixture
def roads_with_new_controls():
    """The published roads, and controls trained again after images of the data had changed."""
    published = read_records(ROADS)[0]
    controls = [copy.deepcopy(record) for record in published if record["translator"] in ROLES]
    for number, control in enumerate(controls):
        control |= {"config_key": f"later-{number}", "data": {"source train": "other", "target test": "other"}}
        control["metrics"]["miou"] = 0.25 if control["translator"] == "source-only" else 0.26
        control["provenance"]["time"] = "2030-01-01T00:00:00Z"
    return published, controls


def test_rows_are_never_held_against_controls_of_other_data(roads_with_new_controls):
    published, controls = roads_with_new_controls
    (board,) = boards([*published, *controls])
    rows = {row.config_key: row for row in board.rows}
    (before,) = boards(published)
    for row in before.rows:
        assert rows[row.config_key].metrics["gap_recovered"] == row.metrics["gap_recovered"]
        assert rows[row.config_key].metrics["gain"] == row.metrics["gain"]
    assert rows["later-0"].metrics["gap_recovered"].mean in (0.0, 1.0)


def test_a_row_without_controls_of_its_data_has_no_gap_and_says_why(roads_with_new_controls):
    published, controls = roads_with_new_controls
    translators = [record for record in published if record["translator"] not in ROLES]
    (board,) = boards([*translators, *controls])
    gap = next(row for row in board.rows if row.translator == "cyclegan").metrics["gap_recovered"]
    assert gap.mean is None
    assert "trained on other data, or it is not known on which" in gap.reason


def test_rows_of_known_but_other_data_share_no_board(record):
    other = record("b", 0, 0.4, data={"source train": "s2", "target test": "t1"})
    found = boards([record("a", 0, 0.5), other])
    assert [len(board.rows) for board in found] == [1, 1]
    titles = {leaderboard_grid(board).title for board in found}
    assert len(titles) == 2


def test_budgets_of_one_name_and_other_contents_share_no_board(record):
    found = boards([record("a", 0, 0.5), record("b", 0, 0.4, budget_digest="b2")])
    assert sorted(row.translator for board in found for row in board.rows) == ["a", "b"]
    assert len(found) == 2
    assert {"contents b1" in leaderboard_grid(board).title for board in found} == {True, False}


def test_a_budget_of_unknown_contents_stands_with_the_only_one_of_its_name_and_that_is_said(record):
    (board,) = boards([record("a", 0, 0.5), record("b", 0, 0.4, budget_digest=None)])
    assert len(board.rows) == 2
    assert "1 of 2 cells do not record what the budget sets" in board.warnings[-1]


def test_trainings_of_other_length_are_warned_about(record):
    (board,) = boards([_trained(record, "mine", 200_000), _trained(record, "cut"), _trained(record, "cyclegan")])
    assert board.warnings == (
        "trainings of translators saw different numbers of images: 200,000 (mine); 3,000 (cut, cyclegan)",
    )


def test_rows_trained_alike_are_not_warned_about(record):
    (board,) = boards([_trained(record, "cut"), _trained(record, "cyclegan"), record("fda", 0, 0.3)])
    assert board.warnings == ()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"code": {"bench_gan": "c" * 16}},
            "trainings were made by different code: bench_gan: aaaaaaaa (cut); cccccccc",
        ),
        ({"threads": 4}, "trainings ran with different numbers of threads: 1 (cut); 4 (cyclegan)"),
        ({"platform": "macOS-15"}, "trainings ran with different platforms: Linux-6 (cut); macOS-15 (cyclegan)"),
        ({"torch": "2.12.0"}, "trainings ran with different versions of torch: 2.11.0 (cut); 2.12.0 (cyclegan)"),
    ],
)
def test_trainings_by_other_code_or_on_other_machines_are_warned_about(record, change, expected):
    (board,) = boards([_trained(record, "cut"), _trained(record, "cyclegan", **change)])
    (warning,) = board.warnings
    assert warning.startswith(expected)


def test_a_plugin_package_that_one_row_alone_uses_is_no_difference(record):
    (board,) = boards([_trained(record, "cut"), _trained(record, "ugatit", code={"bench_ugatit": "d" * 16})])
    assert board.warnings == ()


def test_revisions_count_where_the_contents_of_packages_are_not_known(record):
    cells = [_trained(record, name, git=name, dirty=name == "cut") for name in ("cut", "fda")]
    assert boards(cells)[0].warnings == ()
    for cell in cells:
        cell["stages"]["fit-translator"]["provenance"]["code"] = None
    (warning,) = boards(cells)[0].warnings
    assert warning.endswith("bench at revision: cut with changes (cut); fda (fda)")


def test_options_that_were_moved_off_the_budget_are_named(record):
    cell = record("cut", 0, 0.5)
    cell["config"]["translator"]["off_budget"] = ["lr"]
    (board,) = boards([cell, record("fda", 0, 0.4)])
    assert board.warnings == ("set to other values than those of the budget: cut.lr (cut)",)
