"""A record is read back as it was written, and a broken one is one line."""

import copy
import json
from dataclasses import replace
from importlib.metadata import version

import pytest

from benchmark.errors import StoreError
from benchmark.execution.driver import execute
from benchmark.execution.inline import InlineExecutor
from benchmark.plan.planner import make_plan
from benchmark.results.records import (
    _drop_malformed_details,
    _drop_malformed_facts,
    comparable,
    problem_of,
    read_folders,
    read_records,
    record_path,
    write_record,
)
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
        "schema": 2,
        "scenario": "dusk",
        "classes": ["road", "sky", "car"],
        "size": [8, 12],
        "checkpoint": "last",
        "segmenter": "nearest",
    }
    assert (record["seed"], record["budget"], record["status"], record["reason"]) == (
        0,
        {"name": "tiny", "digest": None},
        "done",
        None,
    )
    assert set(record["metrics"]) == {"accuracy", "difference"}
    assert record["config"]["translator"]["options"] == {"steps": 2}  # `pause` does not affect results
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
    '{"schema": "two"}': "expected a record of schema 2, but it has 'two'",
    '{"schema": [1]}': "expected a record of schema 2, but it has [1]",
    '{"schema": true}': "expected a record of schema 2, but it has True",
    '{"schema": 1, "cell": "x"}': "config_key: is missing",
    "[" * 100_000: "cannot be read",
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


def test_a_record_of_a_newer_schema_asks_for_a_newer_bench_and_never_for_its_removal(results, records):
    (results / "records" / "newer.json").write_text('{"schema": 99}')
    [problem] = read_records(results)[1]
    assert "written by a newer bench (schema 99, this one reads up to 2); upgrade bench" in problem
    assert "delete" not in problem


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"status": "great"}, "status must be one of"),
        ({"size": "large"}, "size: must be a list, but is 'large'"),
        ({"config": None}, "config: must be a table, but is None"),
        ({"config": {}}, "config.scenario: is missing"),
        ({"metrics": {"miou": "good"}}, "metrics.miou: must be a number, but is 'good'"),
    ],
)
def test_a_record_that_no_leaderboard_could_read_is_a_problem(results, records, change, expected):
    record_path(results, records["shift"]["cell"]).write_text(json.dumps(records["shift"] | change))
    assert expected in read_records(results)[1][0]


WRONG_PARTS = [
    ("seed", "zero"),
    ("seed", 10**30),
    ("seed", True),
    ("classes", [1, 2]),
    ("size", ["8", "12"]),
    ("log_tail", "boom"),
    ("reason", ["boom"]),
    ("missing.fid", 3),
    ("values.difference", "lower"),
    ("values.difference.higher_is_better", "no"),
    ("values.difference.decimals", -1),
    ("metrics.difference", 10**400),
    ("metrics.difference", None),
    ("details.accuracy", []),
    ("details.accuracy.iou", "high"),
    ("details.accuracy.iou", {"road": "high"}),
    ("details.accuracy.note", 3),
    ("details.accuracy.conditions", "none"),
    ("details.accuracy.highlights", "line"),
    ("details.accuracy.highlights", [1]),
    ("stages.fit-translator", "k"),
    ("stages.fit-translator.key", 3),
    ("stages.fit-translator.seconds", "long"),
    ("stages.fit-translator.device", 0),
    ("stages.fit-translator.facts", []),
    ("stages.fit-translator.facts.images_per_second", "fast"),
    ("stages.fit-translator.facts.images_seen", 1.5),
    ("stages.fit-translator.facts.peak_memory_bytes", "much"),
    ("stages.fit-translator.pictures", [1]),
    ("stages.fit-translator.provenance", "here"),
    ("config.translator", "shift"),
    ("config.metrics", {}),
    ("config.scenario", []),
    ("cost.seconds", "long"),
    ("cost.seconds", 10**400),
    ("provenance", "today"),
    ("provenance.time", 3),
    ("budget", "tiny"),
    ("budget.digest", 3),
    ("data", {"source train": 1}),
    ("images_seen", {"translator": "many"}),
    ("notes", "none"),
]


@pytest.fixture(scope="module")
def whole():
    """A record of the current schema in which every part is there."""
    plugin = {"name": "shift", "alias": "shift", "options": {}}
    stage = {"key": "k", "seconds": 1.0, "device": "cpu", "precision": "fp32", "facts": {}, "pictures": []}
    return {
        **{"schema": 2, "cell": "c", "config_key": "k", "scenario": "dusk", "classes": ["road"], "size": [8, 12]},
        **{"checkpoint": "last", "translator": "shift", "segmenter": "nearest", "seed": 0, "status": "done"},
        **{"reason": None, "log_tail": [], "metrics": {"difference": 0.5}, "missing": {}, "notes": []},
        "values": {"difference": {"higher_is_better": False}},
        "details": {"accuracy": {}},
        "config": {"scenario": {"name": "dusk"}, "translator": plugin, "segmenter": plugin, "metrics": [plugin]},
        "stages": {"fit-translator": stage},
        "cost": {"seconds": 1.0},
        "provenance": {"time": "2026-01-01T00:00:00Z"},
        "budget": {"name": "tiny", "digest": None},
        "data": None,
        "images_seen": {"translator": None, "segmenter": None},
    }


def test_a_whole_record_has_no_problem(whole):
    assert problem_of(whole) is None


@pytest.mark.parametrize(("place", "value"), WRONG_PARTS, ids=lambda value: f"{value!r:.30}")
def test_a_part_of_the_wrong_type_leaves_the_record_out_with_a_warning(whole, tmp_path, place, value):
    record = copy.deepcopy(whole)
    *parents, last = place.split(".")
    table = record
    for name in parents:
        table = table[name]
    table[last] = value
    (tmp_path / "records").mkdir()
    record_path(tmp_path, "c").write_text(json.dumps(record))
    found, [problem] = read_records(tmp_path)
    assert found == []
    assert "\n" not in problem
    assert len(problem) < 500


def test_malformed_facts_and_details_of_plugins_are_left_out_and_noted():
    stages = {"fit-translator": {"facts": {"images_per_second": "fast", "images_seen": 3, "mine": ["free"]}}}
    details = {"edges": {"iou": {"road": "high"}, "note": "fine", "worst": "free"}, "list": [1]}
    notes = [*_drop_malformed_facts(stages), *_drop_malformed_details(details)]
    assert stages["fit-translator"]["facts"] == {"images_seen": 3, "mine": ["free"]}
    assert details == {"edges": {"note": "fine", "worst": "free"}}
    assert notes == [
        "fit-translator: fact images_per_second: must be a number, but is 'fast'; it was left out",
        "metric 'edges': detail iou.road: must be a number, but is 'high'; it was left out",
        "metric 'list': details must be a table, but are [1]; they were left out",
    ]


def test_a_record_knows_its_data_its_budget_and_how_much_was_trained_on(records):
    record = records["shift"]
    assert sorted(record["data"]) == ["source test", "source train", "target test", "target train"]
    assert record["data"]["source train"] != record["data"]["target train"]
    assert record["images_seen"] == {"translator": None, "segmenter": None}
    assert all("provenance" in stage for stage in record["stages"].values())


def test_names_of_options_without_effect_are_no_part_of_a_record(records):
    assert "runtime_options" not in records["shift"]["config"]["translator"]


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
    assert by_name["oracle"]["status"] == "skipped"
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


def test_a_cell_of_two_folders_counts_once_and_is_named(tmp_path, record):
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder, scores in zip(folders, ({"cut": 0.4}, {"cut": 0.9, "fda": 0.2}), strict=True):
        (folder / "records").mkdir(parents=True)
        for name, miou in scores.items():
            (folder / "records" / f"{name}.json").write_text(json.dumps(record(name, 0, miou)))
    found, problems = read_folders(folders)
    assert {one["translator"]: one["metrics"]["miou"] for one in found} == {"cut": 0.4, "fda": 0.2}
    assert len(problems) == 1
    assert problems[0].startswith(str(folders[1]))
    assert "left out, as a folder before it has them too" in problems[0]
