"""Measures are held against the gain of translators within boards."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from benchmark.results.validity import MEASURES, Point, points, validities, with_agreements
from benchmark.store.predictions import write_predictions
from benchmark.store.store import Store

NAMES = ("cyclegan", "cut", "fda", "reinhard", "histogram", "ugatit")


def _points(board, gains, values, measure="ssim"):
    rows = zip(NAMES, gains, values, strict=True)
    return [Point((board,), name, gain, {measure: value}) for name, gain, value in rows]


def _one(found, name):
    return next(one for one in validities(found) if one.measure.name == name)


def test_tau_of_one_board_is_kendalls():
    random = np.random.default_rng(0)
    gains, values = random.random(6), random.random(6)
    assert _one(_points("a", gains, values), "ssim").tau == pytest.approx(kendalltau(gains, values)[0])


def test_a_measure_where_less_is_better_is_turned_round():
    found = _points("a", [1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1], "fid")
    assert _one(found, "fid").tau == 1


def test_only_pairs_within_a_board_count():
    """Both boards are in perfect order, but the one with the lower gains has the higher values."""
    found = _points("a", [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]) + _points("b", [11, 12, 13, 14, 15, 16], range(-6, 0))
    validity = _one(found, "ssim")
    assert (validity.tau, validity.pairs, validity.boards, validity.translators) == (1, 30, 2, 6)


def test_regret_is_what_the_chosen_translator_lacks():
    found = _points("a", [0.1, 0.5, 0.2, 0.2, 0.2, 0.2], [9, 1, 1, 1, 1, 1])
    validity = _one(found, "ssim")
    assert validity.regret == pytest.approx(0.4)
    assert validity.chance_regret == pytest.approx(0.5 - 1.4 / 6)


def test_the_interval_holds_zero_for_noise_and_not_for_a_perfect_measure():
    random = np.random.default_rng(1)
    noise = [point for board in "abcdef" for point in _points(board, random.random(6), random.random(6))]
    low, high = _one(noise, "ssim").interval
    assert low < 0 < high
    perfect = [point for board in "ab" for point in _points(board, range(6), range(6))]
    assert _one(perfect, "ssim").interval == (1, 1)


def test_few_translators_have_no_interval():
    found = [Point(("a",), name, gain, {"ssim": gain}) for name, gain in (("cut", 1.0), ("fda", 2.0), ("ugatit", 3.0))]
    assert _one(found, "ssim").interval is None


def test_gains_are_over_source_only_of_the_same_seeds_and_controls_are_no_points(record):
    cells = [
        record("source-only", 0, 0.1),
        record("source-only", 1, 0.2),
        record("cyclegan", 0, 0.5, metrics={"miou": 0.5, "ssim": 0.8}),
        record("cyclegan", 2, 0.9, metrics={"miou": 0.9, "ssim": 0.1}),
        record("target-statistics", 0, 0.3, role="control"),
        record("oracle", 0, 0.8),
    ]
    (point,) = points(cells)
    assert (point.translator, point.gain) == ("cyclegan", pytest.approx(0.4))
    assert point.measures == {"ssim": pytest.approx(0.8)}


def test_among_every_row_are_controls_and_both_segmenters_of_a_family_but_no_ceiling(record):
    cells = []
    for segmenter, add in (("deeplabv3", 0.0), ("deeplabv3-augmented", 0.2)):
        for translator, miou in (("source-only", 0.1), ("target-statistics", 0.3), ("cut", 0.5), ("oracle", 0.8)):
            role = {"target-statistics": "control"}.get(translator, "")
            cells.append(record(translator, 0, miou + add, segmenter=segmenter, family="deeplabv3", role=role))
    found = points(cells, every_row=True)
    assert len({point.board for point in found}) == 1
    gains = {(point.translator, point.segmenter): round(point.gain, 9) for point in found}
    assert gains == {
        ("source-only", "deeplabv3"): 0.0,
        ("target-statistics", "deeplabv3"): 0.2,
        ("cut", "deeplabv3"): 0.4,
        ("source-only", "deeplabv3-augmented"): 0.2,
        ("target-statistics", "deeplabv3-augmented"): 0.4,
        ("cut", "deeplabv3-augmented"): 0.6,
    }


def test_rows_of_one_translator_are_drawn_together():
    """Of independent rows, some draws would have none of the pair that is in the wrong order."""
    ends = [Point(("a",), name, value, {"ssim": value}, "plain") for value, name in enumerate(NAMES[:4])]
    twins = [Point(("b",), "ugatit", 0.1, {"ssim": 0.2}, "plain"), Point(("b",), "ugatit", 0.2, {"ssim": 0.1}, "other")]
    assert _one(ends + twins, "ssim").tau == pytest.approx(5 / 7)
    low, high = _one(ends + twins, "ssim").interval
    assert low < 5 / 7 < high == 1


def test_entropy_and_accuracy_of_discriminators_come_from_stages(record):
    stages = {
        "predict": {"key": "p", "facts": {"mean_entropy": 0.25}},
        "fit-translator": {"key": "t", "last_scalars": {"accuracy_target": 0.9, "accuracy_source": 0.7, "loss": 1.0}},
    }
    (point,) = points([record("source-only", 0, 0.1), record("cut", 0, 0.4, stages=stages)])
    assert point.measures == {"mean_entropy": 0.25, "discriminator_accuracy": pytest.approx(0.8)}


def test_agreement_is_with_the_other_segmenters_of_a_translator_and_seed(record, tmp_path):
    store = Store(tmp_path)
    maps = {"one": [[0, 0, 1, 1]], "two": [[0, 0, 1, 0]], "three": [[1, 0, 1, 1]]}
    cells = []
    for segmenter, found in maps.items():
        folder = store.stage("predict", segmenter).path
        folder.mkdir(parents=True)
        write_predictions(folder, np.array([found], np.uint8), ["image"])
        cells.append(record("cut", 0, 0.4, segmenter=segmenter, stages={"predict": {"key": segmenter}}))
    cells.append(record("fda", 0, 0.4, stages={"predict": {"key": "gone"}}))
    found = [cell["metrics"].get("agreement") for cell in with_agreements(cells, tmp_path)]
    assert found[:3] == pytest.approx([(0.75 + 0.75) / 2, (0.75 + 0.5) / 2, (0.75 + 0.5) / 2])
    assert found[3] is None


def test_measures_with_target_labels_stand_last():
    flags = [one.measure.needs_target_labels for one in validities(_points("a", range(6), range(6)))]
    assert flags == sorted(flags)
    assert len(flags) == len(MEASURES)
