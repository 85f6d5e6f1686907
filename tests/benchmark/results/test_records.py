"""A record is read back as it was written, and a broken one is one line."""

import json
from dataclasses import replace
from importlib.metadata import version

import pytest

from benchmark.errors import StoreError
from benchmark.execution.driver import execute
from benchmark.execution.inline import InlineExecutor
from benchmark.plan.planner import make_plan
from benchmark.results.records import comparable, provenance, read_records, record_path, write_record
from benchmark.store.json_files import write_json


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
        "score-translation:difference",
        "fit-segmenter",
        "predict",
        "score-segmentation:accuracy",
    }
    assert record["stages"]["fit-translator"]["facts"]["parameters"] == 1
    assert all(stage["seconds"] > 0 for stage in record["stages"].values())
    paid = [stage["seconds"] for role, stage in record["stages"].items() if not role.startswith("score-")]
    assert record["cost"]["seconds"] == pytest.approx(sum(paid))


def test_pictures_are_named_from_the_results_folder(results, records):
    pictures = records["shift"]["stages"]["translate"]["pictures"]
    assert len(pictures) == 3
    assert all((results / picture).is_file() for picture in pictures)


def test_a_skipped_cell_has_a_record_with_its_reason(records):
    assert records["pairs"]["status"] == "skipped"
    assert "needs paired images" in records["pairs"]["reason"]
    assert records["pairs"]["metrics"] == {}


def test_versions_are_kept_with_a_record(records):
    assert records["shift"]["provenance"]["torch"] == version("torch")
    assert set(records["shift"]["provenance"]) == set(provenance()) | {"time"}


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
    measuring = ("score-", "fit-segmenter:oracle")
    paid = {role: stage for role, stage in guided["stages"].items() if not role.startswith(measuring)}
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


@pytest.fixture
def run(toys, store):
    """Runs a matrix and returns the records by translator."""

    def run_matrix(matrix):
        execute(make_plan(matrix, toys), store, InlineExecutor(), toys)
        return {record["translator"]: record for record in read_records(store.results)[0]}

    return run_matrix


def test_a_run_with_other_metrics_adds_to_a_record_and_takes_nothing_away(run, matrix_of):
    first = run(matrix_of("shift", metrics=("accuracy", "difference")))["shift"]
    merged = run(matrix_of("shift", metrics=("spread",)))["shift"]
    assert merged["metrics"] == first["metrics"] | {"spread": merged["metrics"]["spread"]}
    assert merged["details"] == first["details"]
    assert set(merged["values"]) == {"accuracy", "difference", "spread"}
    assert {config["name"] for config in merged["config"]["metrics"]} == {"accuracy", "difference", "spread"}
    roles = {"score-segmentation:accuracy", "score-translation:difference", "score-translation:spread"}
    assert roles <= set(merged["stages"])


def test_a_record_does_not_depend_on_whether_its_metrics_were_measured_in_one_run(run, matrix_of):
    run(matrix_of("shift", metrics=("accuracy",)))
    merged = run(matrix_of("shift", metrics=("difference",)))["shift"]
    at_once = run(matrix_of("shift", metrics=("difference", "accuracy")))["shift"]
    assert comparable(at_once) == comparable(merged)


def test_a_metric_without_a_value_under_new_options_keeps_the_value_it_had(run, matrix_of, choose):
    matrix = matrix_of("shift", metrics=("accuracy", "anchored"))
    first = run(matrix)["shift"]
    away = replace(matrix, metrics=(matrix.metrics[0], choose("metric", "anchored", available=False)))
    assert comparable(run(away)["shift"]) == comparable(first)


def test_a_metric_with_a_new_value_replaces_the_one_it_had(run, matrix_of, choose):
    matrix = matrix_of("shift", metrics=("accuracy",))
    before = run(replace(matrix, metrics=(choose("metric", "faulty"),)))["shift"]
    after = run(replace(matrix, metrics=(choose("metric", "faulty", fault="rounding"),)))["shift"]
    assert (before["metrics"]["faulty"], round(after["metrics"]["faulty"], 6)) == (0.5, 1)
    assert [config["options"] for config in after["config"]["metrics"]] == [{"fault": "rounding"}]


def test_a_failed_metric_is_measured_again_once_it_is_mended(run, matrix_of, choose):
    matrix = matrix_of("shift", metrics=("accuracy",))
    broken = run(replace(matrix, metrics=(*matrix.metrics, choose("metric", "faulty", fault="compute"))))["shift"]
    mended = run(replace(matrix, metrics=(*matrix.metrics, choose("metric", "faulty"))))["shift"]
    assert ("faulty" in broken["metrics"], "faulty" in broken["missing"]) == (False, True)
    assert (mended["metrics"]["faulty"], mended["missing"]) == (0.5, {})


def test_values_measured_on_other_trainings_are_not_taken_over(run, matrix_of, toys, store):
    first = run(matrix_of("shift", metrics=("accuracy", "difference")))["shift"]
    other = first["stages"] | {"predict": first["stages"]["predict"] | {"key": "f" * 20}}
    write_json(record_path(store.results, first["cell"]), first | {"stages": other})
    again = run(matrix_of("shift", metrics=("spread",)))["shift"]
    assert set(again["metrics"]) == {"spread"}
