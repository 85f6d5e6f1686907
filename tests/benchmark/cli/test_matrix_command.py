"""`bench matrix` and `bench run`: plan, run, table, pictures, exit codes; driven by the toy plugins."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmark.cli import main

TOYS = Path(__file__).parents[2] / "toys"
SCENARIO = """
size = [8, 12]
source.dataset = "dots"
target.dataset = "dots"
target.options.look = "night"
"""
PLUGINS = ("--scenario", "dusk", "--budget", "tiny", "--metrics", "accuracy,difference", "--device", "cpu")
MATRIX = ("matrix", "--segmenters", "nearest", *PLUGINS, "--executor", "inline")


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    shutil.copytree(TOYS, tmp_path, dirs_exist_ok=True)
    for place, text in (("scenarios/dusk.toml", SCENARIO), ("budgets/tiny.toml", "")):
        path = tmp_path / "configs" / place
        path.parent.mkdir(parents=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def _bench(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def _planned(*arguments):
    return json.loads(_bench(*MATRIX, *arguments, "--dry-run", "--format", "json").stdout)


def test_a_dry_run_tells_cells_and_stages_in_json_and_runs_nothing(project):
    plan = _planned("--translators", "shift", "--seeds", "0,1")
    assert set(plan) == {"cells", "stages"}
    assert len(plan["cells"]) == 2 * 3
    for stage in plan["stages"]:
        assert {"kind", "key", "plugin", "seed", "state"} <= set(stage)
    assert {stage["state"] for stage in plan["stages"]} == {"to-run"}
    assert not (project / "results" / "stages").exists()


def test_a_dry_run_shows_that_two_segmenters_share_a_translator():
    text = _bench(
        *MATRIX, "--segmenters", "nearest,overconfident", "--translators", "shift", "--seeds", "0,1", "--dry-run"
    ).stdout
    assert "shift: 2 trainings for 4 cells, 0 cached" in text
    assert sum(line.startswith("fit-translator") for line in text.splitlines()) == 2


def test_a_dry_run_tells_scenarios_apart(project):
    (project / "configs/scenarios/dawn.toml").write_text(SCENARIO.replace("12", "16"))
    text = _bench(*MATRIX, "--scenario", "dusk,dawn", "--translators", "shift", "--dry-run").stdout
    rows = [line.split("  ") for line in text.splitlines() if line.startswith(("prepare", "fit", "translate", "score"))]
    names = [tuple(cell.strip() for cell in row if cell.strip())[:3] for row in rows]
    assert len(set(names)) == len(names)
    assert ("fit-segmenter", "nearest", "dawn: source-only") in names


def test_a_dry_run_tells_looks_of_one_data_set_apart():
    text = _bench(*MATRIX, "--translators", "shift", "--dry-run").stdout
    assert "dots train look=day " in text
    assert "dots train look=night " in text
    assert "dots val " in text
    assert "shift: 1 training for 1 cell, 0 cached" in text


def test_a_dry_run_tells_how_long_the_trainings_are(project):
    (project / "configs/budgets/tiny.toml").write_text('[translator."*"]\nimages_seen = 1200\n')
    text = _bench(*MATRIX, "--translators", "cyclegan", "--seeds", "0,1", "--dry-run").stdout
    assert "cyclegan: 2 trainings of 1,200 images for 2 cells, 0 cached" in text


def test_a_matrix_ends_with_its_leaderboard_and_pictures(project):
    outcome = _bench(*MATRIX, "--translators", "shift")
    assert outcome.exit_code == 0
    assert all(name in outcome.stdout for name in ("source-only (floor)", "shift", "oracle (ceiling)"))
    assert "pictures: results/pictures/dusk" in outcome.stdout
    assert (project / "results/pictures/dusk/nearest-overview.png").is_file()
    assert "done    fit-translator shift, seed 0" in outcome.stderr


def test_the_same_matrix_again_runs_nothing_and_leaves_every_record(project):
    _bench(*MATRIX, "--translators", "shift")
    records = {path: path.read_bytes() for path in (project / "results/records").iterdir()}
    assert {stage["state"] for stage in _planned("--translators", "shift")["stages"]} == {"cached"}
    outcome = _bench(*MATRIX, "--translators", "shift")
    assert outcome.exit_code == 0
    stages = len(_planned("--translators", "shift")["stages"])
    first, last = outcome.stderr.splitlines()
    assert first == f"cells 3, stages to run 0, cached {stages}"
    assert last.startswith(f"0 stages run, {stages} reused, in ")
    assert {path: path.read_bytes() for path in (project / "results/records").iterdir()} == records


def test_json_output_is_the_leaderboard_alone():
    rows = json.loads(_bench(*MATRIX, "--translators", "shift", "--format", "json").stdout)
    assert {row["translator"] for row in rows} == {"source-only", "shift", "oracle"}
    assert all(row["accuracy"]["n"] == 1 for row in rows)


def test_a_failing_translator_is_a_row_with_its_reason_and_exit_code_1():
    outcome = _bench(*MATRIX, "--translators", "raises,shift")
    assert outcome.exit_code == 1
    assert "raises: 0/1 seeds; seed 0 failed: raises: ValueError: no colour is left" in outcome.stdout
    assert "logs of what failed: bench status --results results" in outcome.stdout
    rows = json.loads(_bench("leaderboard", "--format", "json").stdout)
    complete = {row["translator"] for row in rows if row["status"] == "complete"}
    assert complete == {"source-only", "shift", "oracle"}


def test_a_matrix_file_can_be_given(project):
    (project / "mine.toml").write_text('scenarios = ["dusk"]\ntranslators = ["shift"]\nsegmenters = ["nearest"]\n')
    arguments = ("matrix", "mine.toml", *PLUGINS[2:], "--dry-run", "--format", "json")
    assert {cell["scenario"] for cell in json.loads(_bench(*arguments).stdout)["cells"]} == {"dusk"}


def test_run_is_one_cell_with_its_controls():
    outcome = _bench("run", "--translator", "shift", "--segmenter", "nearest", "--seed", 3, *PLUGINS, "--dry-run")
    assert outcome.stdout.startswith("3 cells")
    arguments = ("run", "--translator", "shift", "--segmenter", "nearest", *PLUGINS, "--dry-run", "--format", "json")
    alone = json.loads(_bench(*arguments, "--no-controls").stdout)
    assert [(cell["translator"], cell["seed"]) for cell in alone["cells"]] == [("shift", 0)]


def test_inception_weights_become_an_option_of_the_metrics_that_have_it(project):
    (project / "weights.pth").write_bytes(b"")
    outcome = _bench(*MATRIX, "--translators", "shift", "--fid-weights", "weights.pth", "--dry-run")
    assert outcome.exit_code == 2
    assert "--set metric.weights" in outcome.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--translators", "shft"], "Did you mean 'shift'?"),
        (["--seeds", "0,x"], "whole numbers joined by commas"),
        (["--seeds", "1,1"], "each once"),
        (["--timeout", "soon"], "90s, 15m or 2h"),
        (["--set", "translator.stps=2", "--translators", "shift"], "Did you mean 'steps'?"),
        (["--executor", "cluster", "--translators", "shift"], "executor 'cluster' is not known"),
        (["nowhere.toml"], "nowhere.toml"),
    ],
)
def test_a_wrong_use_is_told_without_a_traceback(arguments, expected):
    outcome = _bench(*MATRIX, *arguments)
    assert outcome.exit_code == 2
    assert expected in outcome.stderr
    assert "Traceback" not in outcome.output


def test_several_scenarios_are_not_one_run():
    outcome = _bench("run", "--translator", "shift", "--segmenter", "nearest", "--scenario", "a,b")
    assert outcome.exit_code == 2
    assert "use `bench matrix`" in outcome.stderr


def test_a_run_whose_translator_does_not_suit_the_scenario_trains_nothing(project):
    outcome = _bench("run", "--translator", "pairs", "--segmenter", "nearest", *PLUGINS, "--executor", "inline")
    assert outcome.exit_code == 2
    assert "nothing was run: translator 'pairs' needs paired images" in outcome.stderr
    assert not (project / "results" / "stages").exists()


def test_a_scenario_whose_files_are_missing_costs_its_own_rows(project):
    dawn = SCENARIO.replace("target.options.look", 'target.test = "nowhere"\ntarget.options.look')
    (project / "configs" / "scenarios" / "dawn.toml").write_text(dawn)
    both = ("--scenario", "dawn,dusk", "--translators", "shift")
    outcome = _bench(*MATRIX, *both)
    assert outcome.exit_code == 1
    records = [json.loads(path.read_text()) for path in (project / "results" / "records").glob("*.json")]
    found = {(record["scenario"], record["status"]) for record in records}
    assert found == {("dawn", "invalid"), ("dusk", "done")}
    alone = _bench(*MATRIX, "--scenario", "dawn", "--translators", "shift")
    assert alone.exit_code == 2
    assert alone.stderr.endswith("Error: scenario 'dawn', target: dataset 'dots' has no split 'nowhere'\n")
