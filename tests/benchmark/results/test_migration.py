"""Published records of schema 1 read as schema 2, and give the boards that they always gave."""

import copy
import json
from pathlib import Path

import pytest

from benchmark.report.leaderboard_tables import leaderboard_grid
from benchmark.results.leaderboard import boards
from benchmark.results.migration import images_seen, schema_2_from_1
from benchmark.results.records import problem_of, read_records

PUBLISHED = Path(__file__).parents[2] / "data" / "schema-1"
FOLDERS = ("streets", "roads", "photo-labels")
RENAMED = {"read_miou": "fcn_score_miou", "read_class_accuracy": "fcn_score_class_accuracy"}


def _files():
    return [path for folder in FOLDERS for path in sorted((PUBLISHED / folder / "records").glob("*.json"))]


@pytest.fixture
def old():
    """A published record with translation metrics, as its file has it."""
    return json.loads((PUBLISHED / "streets/records/streets.fda.deeplabv3.s0.56d525fb.json").read_text())


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_published_record_is_read(folder):
    records, problems = read_records(PUBLISHED / folder)
    assert problems == []
    assert len(records) == len(list((PUBLISHED / folder / "records").glob("*.json")))
    assert all(record["schema"] == 2 and problem_of(record) is None for record in records)


@pytest.mark.parametrize("path", _files(), ids=lambda path: path.stem)
def test_numbers_reasons_and_costs_of_a_published_record_stay(path):
    before = json.loads(path.read_text())
    after = schema_2_from_1(copy.deepcopy(before))
    for table in ("metrics", "missing"):
        assert after[table] == {RENAMED.get(name, name): value for name, value in before[table].items()}
    assert after["cost"] == before["cost"]
    assert after["details"].get("segmentation") == before["details"].get("segmentation")


def test_a_board_keeps_the_headings_units_and_order_of_its_columns():
    (board,) = boards(read_records(PUBLISHED / "streets")[0])
    assert leaderboard_grid(board).headings == (
        *("#", "translator", "mIoU %", "gap rec. %", "over control %", "seeds", "pixel acc %", "mean acc %", "FWIoU %"),
        *("flips % ↓", "FCN-score mIoU %", "SSIM", "cycle error % ↓", "diversity %", "cost h:mm:ss"),
    )


def test_configured_plugins_and_conditions_have_their_new_names(old):
    record = schema_2_from_1(old)
    config = record["config"]
    assert "reader" not in config
    plugins = [config["translator"], config["segmenter"], config["auxiliary_segmenter"], *config["metrics"]]
    assert all("alias" in plugin and "label" not in plugin for plugin in plugins)
    assert record["details"]["semantic-flip"]["conditions"] == {"auxiliary_segmenter": "deeplabv3 dbc88d"}


def test_options_that_do_not_affect_results_are_no_part_of_a_record(old):
    old["config"]["translator"]["aside"] = ["pause"]
    assert "aside" not in schema_2_from_1(old)["config"]["translator"]


def test_what_schema_1_did_not_know_is_none_and_the_board_says_so(old):
    record = schema_2_from_1(old)
    assert record["budget"] == {"name": "cpu", "digest": None}
    assert record["data"] is None
    assert record["images_seen"] == {"translator": None, "segmenter": 4000}
    assert all(stage["provenance"] is None for stage in record["stages"].values())
    assert boards([record])[0].warnings[-1].startswith("1 of 1 cells do not record what the budget sets")


def test_a_plugins_share_of_one_stays_a_percentage(old):
    old["values"]["edges"] = {"summary": "", "higher_is_better": True, "low": 0.0, "high": 1.0, "headline": True}
    old["values"]["blur"] = {"summary": "", "higher_is_better": False, "low": 0.0, "high": None, "headline": True}
    values = schema_2_from_1(old)["values"]
    assert (values["edges"]["unit"], values["blur"]["unit"]) == ("%", "")


def test_a_record_without_a_choice_of_scored_split_scored_training_images(old):
    del old["config"]["scenario"]["score_translations"]
    assert schema_2_from_1(old)["config"]["scenario"]["score_translations"] == "train"


def test_the_old_record_is_left_as_it_was(old):
    before = copy.deepcopy(old)
    schema_2_from_1(old)
    assert old == before


def test_images_seen_are_those_reported_or_else_the_option_of_that_name():
    stages = {"fit-translator": {"facts": {}}, "fit-segmenter": {"facts": {"images_seen": 64}}}
    config = {"translator": {"options": {"images_seen": 16}}, "segmenter": {"options": {"images_seen": 60}}}
    assert images_seen(stages, config) == {"translator": 16, "segmenter": 64}
    assert images_seen({"fit-segmenter": {}}, config) == {"translator": None, "segmenter": 60}
