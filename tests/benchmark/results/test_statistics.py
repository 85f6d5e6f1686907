"""Means of nested seeds and their intervals agree with scipy.stats; without spread or seeds there is no interval."""

import math

import numpy as np
import pytest
from scipy import stats as reference

from benchmark.results import statistics as stats
from benchmark.results.seed_pairs import SeedPair


@pytest.mark.parametrize("n", [2, 3, 5, 30])
def test_the_interval_is_the_one_of_scipy_stats(n):
    values = np.random.default_rng(n).normal(0.6, 0.1, n)
    expected = reference.t.interval(0.95, n - 1, loc=values.mean(), scale=reference.sem(values))
    assert stats.t_interval(values.tolist()) == pytest.approx(expected, rel=1e-9)


def test_three_seeds_give_the_textbook_interval():
    low, high = stats.t_interval([1.0, 2.0, 3.0])  # t(0.975, 2) = 4.3027 (Student's table), s = 1
    assert (high - low) / 2 == pytest.approx(4.3027 / math.sqrt(3), abs=1e-4)


def _estimate(*values):
    return stats.estimate({SeedPair(seed): value for seed, value in enumerate(values)})


def test_one_seed_has_a_mean_but_no_interval_and_says_so():
    found = _estimate(0.5)
    assert (found.mean, found.ci95, found.n, found.margin) == (0.5, None, 1, None)
    assert found.no_interval == "one translator seed: no interval over trainings"


def test_equal_values_have_no_interval_and_say_so():
    found = _estimate(0.1, 0.1, 0.1)
    assert found.ci95 is None
    assert found.no_interval == "no spread: all seeds have the same value"


def test_values_that_differ_by_rounding_alone_have_no_interval():
    assert stats.t_interval([0.3, 0.1 + 0.2]) is None


def test_no_value_is_null_with_its_reason():
    assert stats.estimate({}, "no weights").as_json() == {"mean": None, "ci95": None, "n": 0, "reason": "no weights"}


def test_an_estimate_in_json_holds_plain_lists():
    shown = _estimate(0.25, 0.75).as_json()
    assert (shown["mean"], shown["n"]) == (0.5, 2)
    assert isinstance(shown["ci95"], list)
    assert set(shown) == {"mean", "ci95", "n"}


def test_the_margin_is_half_the_interval():
    estimate = _estimate(1.0, 2.0, 3.0)
    assert estimate.margin == pytest.approx(estimate.ci95[1] - estimate.mean)


NESTED = {SeedPair(0, 0): 0.4, SeedPair(0, 1): 0.6, SeedPair(1, 0): 0.7, SeedPair(1, 1): 0.9, SeedPair(2, 0): 0.9}


def test_segmenters_of_one_translation_are_averaged_before_seeds_are():
    estimate = stats.estimate(NESTED)
    seed_means = [0.5, 0.8, 0.9]
    assert estimate.mean == pytest.approx(np.mean(seed_means))
    expected = reference.t.interval(0.95, 2, loc=np.mean(seed_means), scale=reference.sem(seed_means))
    assert estimate.ci95 == pytest.approx(expected)
    assert (estimate.n, estimate.trainings, estimate.as_json()["trainings"]) == (3, 5, 5)


def test_the_spread_of_segmenters_is_pooled_over_translator_seeds():
    assert stats.estimate(NESTED).segmenter_sd == pytest.approx(math.sqrt(0.02))


def test_several_segmenters_of_one_translator_seed_give_a_spread_but_no_interval():
    estimate = stats.estimate({SeedPair(0, 0): 0.4, SeedPair(0, 1): 0.6})
    assert (estimate.n, estimate.ci95) == (1, None)
    assert estimate.segmenter_sd == pytest.approx(np.std([0.4, 0.6], ddof=1))
