"""What programs read: the documented keys, fractions, and never a NaN."""

import csv
import io
import json
import math

import pytest

from benchmark.report.export import as_csv, as_json
from benchmark.results.leaderboard import boards


def _rows(records, columns=None):
    return json.loads(as_json(boards(records, columns)), parse_constant=lambda name: pytest.fail(f"{name} printed"))


def test_a_row_has_the_documented_keys(record):
    (row,) = _rows([record("cyclegan", seed, 0.5 + seed / 10) for seed in (0, 1)])
    head = ["rank", "scenario", "classes", "translator", "segmenter", "status", "seeds"]
    assert list(row)[: len(head)] == head
    assert [row[key] for key in head] == [1, "streets", 3, "cyclegan", "deeplabv3", "complete", [0, 1]]
    for name in ("miou", "gap_recovered", "over_control", "fid", "gain"):
        assert {"mean", "ci95", "n"} <= set(row[name])
    assert row["miou"]["mean"] == pytest.approx(0.55)
    assert row["miou"]["ci95"][0] < 0.55 < row["miou"]["ci95"][1]


def test_one_seed_has_a_null_interval(record):
    assert _rows([record("cyclegan", 0, 0.5)])[0]["miou"] == {
        "mean": 0.5,
        "ci95": None,
        "n": 1,
        "no_interval": "one translator seed: no interval over trainings",
    }


def test_places_are_a_range_and_its_best_is_the_rank(record):
    scores = {"a": (0.90, 0.91), "b": (0.1, 0.2), "c": (0.11, 0.18)}
    rows = _rows([record(name, seed, value) for name, pair in scores.items() for seed, value in enumerate(pair)])
    assert [(row["rank"], row["places"]) for row in rows] == [(1, [1, 3]), (1, [1, 3]), (1, [1, 3])]


def test_a_nested_sample_is_exported_cell_by_cell(record):
    cells = [record("a", seed, 0.5 + seed / 10 + k / 100, segmenter_seed=k) for seed in (0, 1) for k in (0, 1)]
    (row,) = _rows(cells)
    assert (row["seeds"], row["segmenter_seeds"], row["cells"]) == ([0, 1], [0, 1], ["0", "0.1", "1", "1.1"])
    assert (row["miou"]["n"], row["miou"]["trainings"]) == (2, 4)
    assert row["miou"]["segmenter_sd"] == pytest.approx(0.00707, abs=1e-5)


def test_an_incomplete_row_has_no_rank_and_tells_why(record):
    rows = _rows(
        [record("a", 0, 0.5), record("a", 1, 0.5), record("b", 0, 0.9), record("b", 1, status="oom", reason="x")]
    )
    row = rows[-1]
    assert (row["translator"], row["rank"], row["status"], row["seeds"]) == ("b", None, "incomplete", [0])
    assert row["failures"] == {"1": "oom: x"}
    assert row["seeds_wanted"] == [0, 1]


def test_nan_becomes_null_with_a_reason(record):
    (row,) = _rows([record("a", 0, math.nan)], lambda _: {"ratio": math.inf})
    assert row["miou"]["mean"] is None
    assert "not a finite number" in row["miou"]["reason"]
    assert row["columns"] == {"ratio": None}


def test_a_missing_metric_is_null_with_its_reason(record):
    (row,) = _rows([record("a", 0, 0.5, missing={"fid": "no weights"})])
    assert row["fid"] == {"mean": None, "ci95": None, "n": 0, "reason": "no weights"}


def test_a_checkpoint_that_saw_target_labels_is_flagged(record):
    assert _rows([record("a", 0, 0.5, checkpoint="oracle-val")])[0]["checkpoint_saw_target_labels"] is True


def test_csv_has_one_line_for_each_row_and_the_same_numbers(record):
    records = [record("a", 0, 0.5), record("a", 1, 0.6), record("b", 0, 0.7, metrics={"miou": 0.7, "edges": 2.0})]
    rows = list(csv.DictReader(io.StringIO(as_csv(boards(records, lambda _: {"hours": 2.0})))))
    assert [row["translator"] for row in rows] == ["a", "b"]
    assert float(rows[0]["miou"]) == pytest.approx(0.55)
    assert float(rows[0]["miou_low"]) < 0.55 < float(rows[0]["miou_high"])
    assert (rows[0]["miou_n"], rows[0]["seeds"], rows[0]["hours"]) == ("2", "0 1", "2.0")
    assert (rows[1]["edges"], rows[1]["failures"], rows[1]["fid"]) == ("2.0", "seed 1 not run", "")


def test_no_rows_are_an_empty_array():
    assert json.loads(as_json([])) == []
