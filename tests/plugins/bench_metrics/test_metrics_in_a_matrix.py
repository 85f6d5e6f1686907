"""Metrics over translations get what they need from the harness, and find what toy translators do."""

import pytest

from benchmark.api.scenario import Scenario, Side
from benchmark.execution.driver import execute
from benchmark.execution.inline import InlineExecutor
from benchmark.plan.planner import make_plan


@pytest.fixture
def record_of(toys, store, diary, matrix_of):
    """The record of one translator, after a matrix in this process."""

    def run(translator, segmenter, metrics, **fields):
        matrix = matrix_of(translator, segmenters=(segmenter,), metrics=("accuracy", *metrics), **fields)
        execute(make_plan(matrix, toys), store, InlineExecutor(), toys, listener=diary)
        record = diary.records[translator, segmenter, 0]
        assert record["status"] == "done", record["reason"]
        return record

    return run


@pytest.fixture
def painted():
    side = Side(dataset="painted", options={"count": 9})
    return {"scenarios": (Scenario(name="painted", size=(12, 20), source=side, target=side),)}


def test_planted_flips_are_found_exactly(record_of, painted):
    """A tenth of the sky is painted green in images 1, 4 and 7 of nine: 12 of 120 pixels each; 235 are labelled."""
    record = record_of("repaint", "by-colour", ["semantic-flip"], **painted)
    assert record["metrics"]["flip_rate"] == record["metrics"]["flip_rate_introduced"] == 3 * 12 / (9 * 235)
    assert record["metrics"]["flip_rate_source"] == 0
    details = record["details"]["semantic-flip"]
    flips = {
        (label, reading): pixels
        for label, row in details["table"].items()
        for reading, pixels in row.items()
        if pixels and label != reading
    }
    assert flips == {("sky", "vegetation"): 36}
    assert details["highlights"] == ["sky -> vegetation: 6.0 % of sky (0.0 % before translation)"]
    assert details["worst_images"] == [
        {"image": f"train-{number}", "flip_rate": 12 / 235, "flip_rate_source": 0.0, "main_flip": "sky -> vegetation"}
        for number in (1, 4, 7)
    ]


def test_a_label_map_is_scored_by_its_colours(record_of, painted):
    record = record_of("repaint", "by-colour", ["label-colours"], **painted)
    assert record["metrics"]["label_pixel_accuracy"] == pytest.approx(1 - 36 / (9 * 235), rel=1e-12)
    assert record["metrics"]["label_class_accuracy"] == pytest.approx((1 + 1 + (600 - 36) / 600) / 3, rel=1e-12)


def test_images_that_are_no_label_maps_are_not_scored_as_such(record_of):
    record = record_of("shift", "nearest", ["label-colours"])
    assert "the target images are not label maps" in record["missing"]["label_iou"]


def test_way_back_and_variants_are_measured_where_there_are_any(record_of):
    """`twofold` darkens its second variant by a tenth, and its way back by the mean is exact but for rounding."""
    record = record_of("twofold", "nearest", ["cycle-error", "diversity"])
    assert 0 < record["metrics"]["cycle_error"] < 0.002
    assert 0.02 < record["metrics"]["diversity"] < 0.06
    assert record["details"]["diversity"] == {"images": 3, "variants": 2}


def test_without_a_way_back_and_variants_there_are_reasons(record_of, painted):
    record = record_of("repaint", "by-colour", ["cycle-error", "diversity"], **painted)
    assert "has no inverse" in record["missing"]["cycle_error"]
    assert "this translator makes one" in record["missing"]["diversity"]
