"""`bench validity` reads several results folders."""

import json

import pytest
from click.testing import CliRunner

from benchmark.cli import main


@pytest.fixture
def folders(tmp_path, monkeypatch, record):
    """Two folders in which SSIM orders the translators rightly, and cycle error wrongly."""
    monkeypatch.setenv("COLUMNS", "200")
    for scenario in ("streets", "roads"):
        folder = tmp_path / scenario / "records"
        folder.mkdir(parents=True)
        for number, translator in enumerate(("source-only", "cyclegan", "cut", "fda", "reinhard")):
            metrics = {"miou": 0.1 + 0.1 * number, "ssim": 0.2 * number, "cycle_error": 0.1 * number}
            cell = record(translator, 0, scenario=scenario, metrics=metrics)
            (folder / f"{translator}.json").write_text(json.dumps(cell))
    return tmp_path / "streets", tmp_path / "roads"


def _validity(*arguments):
    return CliRunner().invoke(main, ["validity", *map(str, arguments)])


def test_measures_are_listed_from_the_best_on_over_all_folders(folders):
    outcome = _validity(*folders)
    assert outcome.exit_code == 0, outcome.output
    lines = [line.split() for line in outcome.output.splitlines() if line.startswith(("ssim", "cycle_error"))]
    assert [line[:2] for line in lines] == [["ssim", "1.00"], ["cycle_error", "-1.00"]]
    assert lines[0][-4:] == ["12", "2", "4", "none"]


def test_folders_and_the_option_are_not_mixed(folders):
    outcome = _validity(folders[0], "--results", folders[1])
    assert outcome.exit_code == 2
    assert "expected results folders as arguments or --results, but got both" in outcome.output


def test_json_has_the_points(folders):
    found = json.loads(_validity(folders[0], "--json").output)
    assert {point["translator"] for point in found["points"]} == {"cyclegan", "cut", "fda", "reinhard"}
    assert next(one for one in found["measures"] if one["measure"] == "ssim")["tau"] == 1


def test_every_row_counts_controls_too(folders):
    found = json.loads(_validity(folders[0], "--rows", "--json").output)
    assert {point["translator"] for point in found["points"]} == {"source-only", "cyclegan", "cut", "fda", "reinhard"}
    assert "all rows of a family" in _validity(folders[0], "--rows").output


def test_a_folder_without_translators_says_what_to_run(tmp_path, record):
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "floor.json").write_text(json.dumps(record("source-only", 0, 0.1)))
    outcome = _validity(tmp_path)
    assert outcome.exit_code == 2
    assert "run `bench matrix` first" in outcome.output
