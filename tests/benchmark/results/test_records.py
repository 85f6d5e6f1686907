"""A record is read back as it was written, and a broken one is one line."""

import json
from importlib.metadata import version

import pytest

from benchmark.errors import StoreError
from benchmark.execution.driver import execute
from benchmark.execution.inline import InlineExecutor
from benchmark.plan.planner import make_plan
from benchmark.results.records import comparable, read_records, record_path, write_record


@pytest.fixture
def results(toys, store, matrix_of):
    execute(make_plan(matrix_of("shift", "pairs"), toys), store, InlineExecutor(), toys)
    return store.results


@pytest.fixture
def records(results):
    found, problems = read_records(results)
    assert problems == []
    return {record["translator"]: record for record in found}


def test_a_record_tells_all_about_its_cell(records):
    record = records["shift"]
    assert {name: record[name] for name in ("schema", "scenario", "classes", "size", "checkpoint", "segmenter")} == {
        "schema": 1,
        "scenario": "dusk",
        "classes": ["road", "sky", "car"],
        "size": [8, 12],
        "checkpoint": "last",
        "segmenter": "nearest",
    }
    assert (record["seed"], record["budget"], record["status"], record["reason"]) == (0, "tiny", "done", None)
    assert set(record["metrics"]) == {"accuracy", "difference"}
    assert record["config"]["translator"]["options"] == {"steps": 2, "pause": 0.0}
    assert record["config"]["scenario"]["target"]["options"]["look"] == "night"
    assert set(record["stages"]) == {
        "fit-translator",
        "translate",
        "score-translation",
        "fit-segmenter",
        "score-segmentation",
    }
    assert record["stages"]["fit-translator"]["facts"]["parameters"] == 1
    seconds = [stage["seconds"] for stage in record["stages"].values()]
    assert record["cost"]["seconds"] == pytest.approx(sum(seconds))
    assert all(value > 0 for value in seconds)


def test_pictures_are_named_from_the_results_folder(results, records):
    pictures = records["shift"]["stages"]["translate"]["pictures"]
    assert len(pictures) == 3
    assert all((results / picture).is_file() for picture in pictures)


def test_a_skipped_cell_has_a_record_with_its_reason(records):
    assert records["pairs"]["status"] == "skipped"
    assert "needs paired images" in records["pairs"]["reason"]
    assert records["pairs"]["metrics"] == {}


def test_versions_are_kept_with_a_record(records):
    for stage in records["shift"]["stages"].values():
        assert stage["provenance"]["torch"].startswith(version("torch"))


def test_a_record_that_says_the_same_at_another_time_is_left_alone(results, records):
    record = records["shift"]
    again = record | {"cost": {"seconds": 1e9}, "provenance": record["provenance"] | {"time": "later"}}
    assert comparable(again) == comparable(record)
    assert write_record(results, again) == record
    other = record | {"metrics": {"accuracy": 0.0}}
    assert write_record(results, other) == other
    assert json.loads(record_path(results, record["cell"]).read_text()) == other


BROKEN = {
    '{"schema": 1, "cell"': "cannot be read",
    "[]": "expected a record",
    '{"schema": 99}': "expected a record of schema 1, but it has 99",
    '{"schema": 1, "cell": "x"}': "'config_key' is missing",
    "\udcff": "cannot be read",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_record_is_one_line_that_says_what_to_do(results, records, text):
    path = results / "records" / "broken.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    found, [problem] = read_records(results)
    assert len(found) == len(records)
    assert problem.startswith(f"{path}: ")
    assert BROKEN[text] in problem
    assert "run its matrix again" in problem
    assert "\n" not in problem


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"status": "great"}, "status must be one of"),
        ({"size": "large"}, "'size' is missing or not of its type"),
        ({"config": None}, "'config' is missing or not of its type"),
        ({"config": {}}, "'config' holds no scenario"),
        ({"metrics": {"miou": "good"}}, "metric 'miou' must be a number, but is 'good'"),
    ],
)
def test_a_record_that_no_leaderboard_could_read_is_a_problem(results, records, change, expected):
    record_path(results, records["shift"]["cell"]).write_text(json.dumps(records["shift"] | change))
    assert expected in read_records(results)[1][0]


def test_a_missing_results_folder_is_one_line(tmp_path):
    with pytest.raises(StoreError, match="no such results folder; run `bench matrix`"):
        read_records(tmp_path / "nowhere")


def test_a_results_folder_without_records_is_empty(tmp_path):
    assert read_records(tmp_path) == ([], [])


def test_a_cell_pays_for_the_auxiliary_segmenter_it_uses_and_tells_which_it_was(toys, store, matrix_of):
    matrix = matrix_of("guided", "shift", metrics=("accuracy", "agreement"))
    execute(make_plan(matrix, toys), store, InlineExecutor(), toys)
    by_name = {record["translator"]: record for record in read_records(store.results)[0]}
    guided, plain, floor = by_name["guided"], by_name["shift"], by_name["source-only"]
    assert guided["stages"]["fit-segmenter:source-only"]["key"] == floor["stages"]["fit-segmenter"]["key"]
    assert set(guided["stages"]) - set(plain["stages"]) == {"fit-segmenter:source-only"}
    assert "fit-segmenter:oracle" in plain["stages"]
    paid = {role: stage for role, stage in guided["stages"].items() if not role.endswith(":oracle")}
    assert "fit-segmenter:source-only" in paid
    assert guided["cost"]["seconds"] == pytest.approx(sum(stage["seconds"] for stage in paid.values()))
    assert guided["config"]["auxiliary_segmenter"]["name"] == "nearest"
    assert "auxiliary_segmenter" not in floor["config"]


def test_without_a_auxiliary_segmenter_of_the_target_a_cell_lacks_what_it_would_have_read_and_nothing_else(
    toys, store, matrix_of, dusk
):
    bare = dusk.model_copy(
        update={"target": dusk.target.model_copy(update={"options": {**dusk.target.options, "flaw": "unlabelled"}})}
    )
    matrix = matrix_of("shift", metrics=("accuracy", "difference", "agreement"), scenarios=(bare,))
    execute(make_plan(matrix, toys), store, InlineExecutor(), toys)
    by_name = {record["translator"]: record for record in read_records(store.results)[0]}
    assert by_name["oracle"]["status"] == "failed"
    assert by_name["shift"]["status"] == "done"
    assert set(by_name["shift"]["metrics"]) == {"accuracy", "difference"}
    assert "labelled images were expected" in by_name["shift"]["missing"]["agreement"]
