"""Parts of the variance of nested seeds, and what follows for the number of seeds."""

import math

import numpy as np
import pytest

from benchmark.results.seed_pairs import SeedPair
from benchmark.results.variance import MOST_SEGMENTERS, Spread, nested_variances, smallest_difference


def _nested(table):
    return {SeedPair(seed, number): value for seed, row in enumerate(table) for number, value in enumerate(row)}


def test_parts_are_those_of_the_analysis_of_variance():
    """The mean squares of a balanced design, as every textbook has them."""
    batches = np.array([[1.0, -1.0, 0.0], [-2.0, -3.0, -4.0], [-2.0, 0.0, 1.0], [1.0, 4.0, 0.0]])
    within = batches.var(axis=1, ddof=1).mean()
    between = 3 * batches.mean(axis=1).var(ddof=1)
    translator, segmenter = nested_variances(_nested(batches))
    assert segmenter == pytest.approx(within)
    assert translator == pytest.approx((between - within) / 3)


def test_parts_are_unbiased_where_numbers_of_segmenters_differ():
    random = np.random.default_rng(0)
    found = []
    for _ in range(4000):
        values = {}
        for seed, count in enumerate((1, 2, 3, 4)):
            centre = 3 * random.standard_normal()
            values |= {SeedPair(seed, number): centre + 2 * random.standard_normal() for number in range(count)}
        found.append(nested_variances(values))
    translator, segmenter = np.mean(found, axis=0)
    assert segmenter == pytest.approx(4, rel=0.05)
    assert translator == pytest.approx(9, rel=0.1)


def test_a_part_that_seeds_do_not_show_is_not_known():
    assert nested_variances(_nested([[0.1], [0.2]])) == (None, None)
    assert nested_variances(_nested([[0.1, 0.3]])) == (None, pytest.approx(0.02))


def test_variance_of_the_mean_falls_with_seeds_and_segmenters():
    spread = Spread(4.0, 6.0)
    assert spread.of_mean(2, 3) == pytest.approx(4 / 2 + 6 / 6)
    assert Spread(None, 6.0).of_mean(2, 3) is None


def test_without_further_segmenters_both_parts_are_known_together():
    spread = Spread(None, None, together=8.0)
    assert spread.of_mean(4, 1) == pytest.approx(2.0)
    assert spread.of_mean(4, 2) is None


@pytest.mark.parametrize(
    ("translator", "segmenter", "minutes"), [(1.0, 1.0, (5, 1.5)), (1.0, 9.0, (8, 2)), (4.0, 1.0, (1, 1))]
)
def test_best_segmenter_seeds_have_the_least_variance_for_the_same_minutes(translator, segmenter, minutes):
    spread = Spread(translator, segmenter, None, *minutes)
    times_cost = {k: (translator + segmenter / k) * (minutes[0] + k * minutes[1]) for k in range(1, 11)}
    best = min(times_cost, key=lambda k: times_cost[k])
    assert abs(spread.best_segmenter_seeds() - best) <= 1
    assert times_cost[spread.best_segmenter_seeds()] <= 1.03 * times_cost[best]


def test_best_segmenter_seeds_without_a_translator_to_share_or_without_its_noise():
    assert Spread(0.0, 1.0, None, 0.0, 2.0).best_segmenter_seeds() == 1
    assert Spread(0.0, 1.0, None, 5.0, 2.0).best_segmenter_seeds() == MOST_SEGMENTERS
    assert Spread(1.0, None, None, 5.0, 2.0).best_segmenter_seeds() is None


def test_the_least_difference_is_found_four_times_in_five():
    random = np.random.default_rng(0)
    seeds, variance = 6, 2.0
    difference = smallest_difference(variance, seeds, 0.05)
    samples = difference + math.sqrt(variance * seeds) * random.standard_normal((20_000, seeds))
    t = samples.mean(axis=1) / (samples.std(axis=1, ddof=1) / math.sqrt(seeds))
    assert (t > 2.5706).mean() == pytest.approx(0.8, abs=0.04)  # 97.5 % of t with 5 degrees of freedom
