"""Curves hold every scalar of a log once, in the panel it belongs to."""

import json

import numpy as np
import pytest

from benchmark.report.figures.curves import curves_by_panel, read_curves, training_curves

LOG = [
    {"step": 50, "cycle_target": 0.4, "accuracy_target": 0.5, "gradient_norm_generators": 3.0, "generators.lr": 1e-4},
    {"step": 100, "cycle_target": 0.2, "accuracy_target": 0.6, "gradient_norm_generators": 9.0, "generators.lr": 1e-4},
    {"step": 100, "cycle_target": 0.3, "accuracy_target": 0.7, "gradient_norm_generators": 8.0, "generators.lr": 1e-4},
]


@pytest.fixture
def training(tmp_path):
    (tmp_path / "scalars.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LOG))
    (tmp_path / "result.json").write_text(json.dumps({"facts": {"images_seen": 400, "steps": 100}}))
    return tmp_path


def test_scalars_are_told_over_images_seen_and_a_repeated_step_counts_once(training):
    curves, unit = read_curves(training)
    assert (curves["cycle_target"], unit) == ({200.0: 0.4, 400.0: 0.3}, "images seen")


def test_where_the_images_are_not_known_steps_are_told(training):
    (training / "result.json").write_text("{}")
    curves, unit = read_curves(training)
    assert (list(curves["cycle_target"]), unit) == ([50, 100], "steps")


def test_a_line_that_a_kill_left_unfinished_costs_itself_alone(training):
    log = training / "scalars.jsonl"
    log.write_text(
        log.read_text() + '{"step": 110, "cycle_tar{"step": 150, "cycle_target": 0.1}\n' + json.dumps(LOG[0])
    )
    assert read_curves(training)[0]["cycle_target"] == {200.0: 0.4, 400.0: 0.3}


def test_each_scalar_stands_in_its_panel_and_rates_in_none():
    names = (
        "accuracy_source",
        "penalty_source",
        "gradient_norm_generators",
        "discriminator_target",
        "nce",
        "D.lr",
        "lr",
    )
    panels = {heading: list(curves) for heading, curves in curves_by_panel({name: {0: 1} for name in names}).items()}
    assert panels == {
        "loss": ["nce"],
        "discriminator loss": ["penalty_source", "discriminator_target"],
        "gradient norm": ["gradient_norm_generators"],
        "share that a discriminator gets right": ["accuracy_source"],
    }


def test_the_picture_has_ink_in_every_panel_and_is_the_same_each_time(training):
    pixels = np.asarray(training_curves(training, "streets"))
    quarters = [half for rows in np.array_split(pixels, 2) for half in np.array_split(rows, 2, axis=1)]
    coloured = [int((np.ptp(quarter.astype(int), axis=2) > 60).sum()) for quarter in quarters]
    assert [count > 50 for count in coloured] == [True, True, True, False]
    np.testing.assert_array_equal(pixels, np.asarray(training_curves(training, "streets")))


def test_a_training_that_logged_nothing_has_no_picture(tmp_path):
    with pytest.raises(FileNotFoundError):
        training_curves(tmp_path, "")
    (tmp_path / "scalars.jsonl").write_text('{"step": 1, "lr": 0.1}\n')
    with pytest.raises(FileNotFoundError):
        training_curves(tmp_path, "")
