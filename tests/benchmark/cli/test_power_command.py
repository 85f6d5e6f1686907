"""`bench power` says where the spread comes from, and what would be told apart."""

import json

import pytest
from click.testing import CliRunner

from benchmark.cli import main


@pytest.fixture
def results(tmp_path, monkeypatch, record):
    """Translator seeds differ by 4 points, segmenters of one translator by 1, both exactly."""
    monkeypatch.setenv("COLUMNS", "300")
    folder = tmp_path / "results" / "records"
    folder.mkdir(parents=True)
    for seed in (0, 1):
        for number in (0, 1):
            for translator, centre in (("source-only", 0.1), ("cyclegan", 0.4), ("oracle", 0.7)):
                trained = translator == "cyclegan"
                miou = centre + 0.01 * number + (0.04 * seed if trained else 0)
                stages = {"fit-segmenter": {"key": "s", "seconds": 120.0}}
                if trained:
                    stages["fit-translator"] = {"key": "t", "seconds": 600.0}
                seen = {"translator": 3000 if trained else None, "segmenter": 4000}
                cell = record(translator, seed, miou, segmenter_seed=number, stages=stages, images_seen=seen)
                (folder / f"{translator}-{seed}-{number}.json").write_text(json.dumps(cell))
    return tmp_path / "results"


def _power(*arguments):
    return CliRunner().invoke(main, ["power", *map(str, arguments)])


def test_the_spread_of_a_row_is_split_by_its_cause(results):
    outcome = _power("--results", results, "--seeds", 4, "--segmenter-seeds", 2)
    assert outcome.exit_code == 0, outcome.output
    row = next(line.split() for line in outcome.output.splitlines() if line.startswith("cyclegan"))
    # var between segmenters 0.5 (1 point apart), between translators 8 - 0.5 / 2; cost 10 and 2 minutes
    assert row == ["cyclegan", "deeplabv3", "42.5", "2.8", "0.7", "2.8", "-", "10.0", "2.0", "1", "4.5"]


def test_the_difference_to_the_strongest_control_is_held_against_what_can_be_found(results):
    outcome = _power("--results", results, "--seeds", 4, "--segmenter-seeds", 2)
    line = [line for line in outcome.output.splitlines() if line.startswith("cyclegan")][-1]
    assert line.split()[:6] == ["cyclegan", "deeplabv3", "source-only", "x", "deeplabv3", "32.0"]
    assert line.split()[-1] == "yes"


def test_one_seed_has_no_known_spread(tmp_path, monkeypatch, record):
    monkeypatch.setenv("COLUMNS", "300")
    (tmp_path / "records").mkdir()
    for translator in ("source-only", "cyclegan", "oracle"):
        (tmp_path / "records" / f"{translator}.json").write_text(json.dumps(record(translator, 0, 0.5)))
    outcome = _power("--results", tmp_path)
    assert outcome.exit_code == 0
    assert "known from two translator seeds with two segmenters each" in outcome.output


def test_an_empty_folder_says_what_to_run(tmp_path):
    (tmp_path / "records").mkdir()
    outcome = _power("--results", tmp_path)
    assert outcome.exit_code == 2
    assert "bench matrix --seeds 0,1 --segmenter-seeds 2" in outcome.output
