"""Whether segmenters agree on the order of translators, against least squares, scipy and data with a planted answer."""

import math

import numpy as np
import pytest
from scipy import stats as reference

from benchmark.report.across import agreement_grid, interaction_text
from benchmark.results.across import across_boards
from benchmark.results.agreement import agreements, interaction_squares, interactions, seed_noise
from benchmark.results.leaderboard import boards

TRANSLATORS = ("source-only", "fda", "cyclegan", "cut")
SEGMENTERS = ("deeplabv3", "unet", "segformer")


@pytest.fixture
def table(record):
    """Makes the boards of mIoU values of shape (translators, segmenters, seeds)."""

    def build(values, roles=()):
        cells = []
        for place, value in np.ndenumerate(values):
            name, segmenter = TRANSLATORS[place[0]], SEGMENTERS[place[1]]
            cells.append(record(name, place[2], float(value), segmenter=segmenter))
        return boards([*cells, *roles])

    return build


def _residual_squares(values, *effects):
    """Residual sum of squares of a linear model, each effect given by the level of each value."""
    columns = [np.ones(values.size)]
    for effect in effects:
        columns += [(effect == level).astype(float) for level in np.unique(effect)]
    design = np.stack(columns, axis=1)
    fitted = design @ np.linalg.lstsq(design, values, rcond=None)[0]
    return ((values - fitted) ** 2).sum()


def test_the_analysis_is_that_of_least_squares():
    values = np.random.default_rng(0).normal(0, 1, (4, 3, 5))
    row, segmenter, seed = (level.ravel() for level in np.indices(values.shape))
    plot, cell = row * 5 + seed, row * 3 + segmenter
    flat = values.ravel()
    error = _residual_squares(flat, plot, segmenter, cell)
    between = _residual_squares(flat, plot, segmenter) - error
    squares, freedom = interaction_squares(values.mean(axis=2))
    assert (squares * 5, freedom) == (pytest.approx(between), 6)
    assert seed_noise(values) == (pytest.approx(error / (4 * 2 * 4)), 32)


def test_p_is_that_of_the_f_test(table):
    values = 0.4 + np.random.default_rng(1).normal(0, 0.05, (4, 3, 3))
    (found,) = interactions(table(values))
    squares, freedom = interaction_squares(values.mean(axis=2))
    noise, noise_freedom = seed_noise(values)
    f = 3 * squares / freedom / noise
    assert found.p == pytest.approx(reference.f.sf(f, freedom, noise_freedom))


def test_a_planted_interaction_is_measured_without_the_noise():
    rng = np.random.default_rng(2)
    effects = np.array([0.1, 0.3, 0.5, 0.6])[:, None, None] + np.array([0, 0.05, -0.05])[None, :, None]
    planted = rng.normal(0, 0.03, (200, 4, 3))
    variances = []
    for interaction in planted:
        translators = rng.normal(0, 0.05, (4, 1, 3))
        values = effects + interaction[..., None] + translators + rng.normal(0, 0.02, (4, 3, 3))
        squares, freedom = interaction_squares(values.mean(axis=2))
        variances.append(squares / freedom - seed_noise(values)[0] / 3)
    assert math.sqrt(np.mean(variances)) == pytest.approx(0.03, abs=0.002)


def test_without_interaction_one_test_in_twenty_is_significant():
    rng = np.random.default_rng(3)
    effects = np.array([0.1, 0.3, 0.5, 0.6])[:, None, None] + np.array([0, 0.05, -0.05])[None, :, None]
    ps = []
    for _ in range(400):
        values = effects + rng.normal(0, 0.05, (4, 1, 3)) + rng.normal(0, 0.02, (4, 3, 3))
        squares, freedom = interaction_squares(values.mean(axis=2))
        noise, noise_freedom = seed_noise(values)
        ps.append(reference.f.sf(3 * squares / freedom / noise, freedom, noise_freedom))
    assert np.mean(np.array(ps) <= 0.05) == pytest.approx(0.05, abs=0.03)


def test_at_one_common_seed_the_noise_is_that_of_rows_with_more(table, record):
    values = 0.4 + np.random.default_rng(4).normal(0, 0.05, (4, 3, 1))
    more = [record("cut", seed, score) for seed, score in ((1, 0.42), (2, 0.46))]
    (found,) = interactions(table(values, more))
    assert found.seeds == 1
    assert found.noise_sd == pytest.approx(np.std([values[3, 0, 0], 0.42, 0.46], ddof=1))


def test_segmenters_of_one_translation_are_the_noise_where_there_are_some(table, record):
    values = 0.4 + np.random.default_rng(4).normal(0, 0.05, (4, 3, 1))
    seeds = [record("cut", seed, score) for seed, score in ((1, 0.42), (2, 0.46))]
    nested = record("cut", 1, 0.44, segmenter_seed=1)
    (found,) = interactions(table(values, [*seeds, nested]))
    assert found.noise_sd == pytest.approx(np.std([0.42, 0.44], ddof=1))


def test_without_repeated_trainings_nothing_is_claimed(table):
    (found,) = interactions(table(0.4 + np.random.default_rng(5).normal(0, 0.05, (4, 3, 1))))
    assert (found.interaction_sd, found.noise_sd, found.p) == (None, None, None)
    assert "cannot be told from noise" in interaction_text(found)


def test_one_segmenter_has_no_interaction(table):
    assert interactions(table(np.full((4, 1, 2), 0.4))) == []


def test_segmenters_of_other_budgets_are_not_compared(table, record):
    values = 0.4 + np.random.default_rng(8).normal(0, 0.05, (4, 1, 2))
    other = [record(name, 0, 0.3, segmenter="unet", budget="gpu", budget_digest="b2") for name in TRANSLATORS]
    assert interactions(table(values, other)) == []


def test_ceilings_are_left_out(table, record):
    values = 0.4 + np.random.default_rng(6).normal(0, 0.05, (4, 3, 2))
    ceilings = [record("oracle", 0, 0.9, segmenter=segmenter) for segmenter in SEGMENTERS]
    (found,) = interactions(table(values, ceilings))
    assert found.rows == 4


def test_correlations_are_over_the_rows_that_two_boards_have():
    scores = {
        "streets x unet": {"cut": 0.4, "fda": 0.2, "cyclegan": 0.5, "reinhard": 0.3},
        "streets x deeplabv3": {"cut": 0.5, "fda": 0.1, "cyclegan": 0.4},
        "roads x unet": {"cut": 0.1, "fda": 0.3, "cyclegan": 0.05},
        "towns x unet": {"cut": 0.1, "fda": 0.3},
    }
    found = {(one.one, one.other): (one.rows, one.tau) for one in agreements(scores)}
    assert found == {
        ("streets x unet", "streets x deeplabv3"): (3, pytest.approx(1 / 3)),
        ("streets x unet", "roads x unet"): (3, pytest.approx(-1)),
        ("streets x deeplabv3", "roads x unet"): (3, pytest.approx(-1 / 3)),
    }


def test_equal_values_have_no_order():
    (found,) = agreements({"a": {"x": 0.1, "y": 0.1, "z": 0.1}, "b": {"x": 0.1, "y": 0.2, "z": 0.3}})
    assert found.tau is None


def test_the_table_names_the_board_that_agrees_least(table):
    values = np.array([0.1, 0.2, 0.3, 0.4])[:, None, None] + np.zeros((1, 3, 2))
    values[:, 2] = values[::-1, 2]
    values += np.random.default_rng(7).normal(0, 0.001, values.shape)
    grid = agreement_grid(across_boards(table(values)))
    assert grid.rows[0] == ("streets x deeplabv3", "0.00", "-1.00", "streets x segformer")
    assert any("which segmenters change: by" in note for note in grid.notes)
