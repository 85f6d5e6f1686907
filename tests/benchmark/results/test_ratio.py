"""Gap recovered: ratio of means, Fieller's interval, and what is said where there is none."""

import numpy as np
import pytest
from scipy import optimize
from scipy import stats as reference

from benchmark.results.ratio import gap_recovered, ratio_of_means
from benchmark.results.seed_pairs import SeedPair


def _values(*values):
    return {SeedPair(seed): value for seed, value in enumerate(values)}


def test_the_share_is_a_ratio_of_means_and_no_mean_of_ratios():
    gap = gap_recovered(_values(0.5, 0.5), _values(0.2, 0.4), _values(0.8, 0.8))
    assert gap.mean == pytest.approx(0.2 / 0.5)  # the mean of the ratios is 0.375


@pytest.mark.parametrize("n", [3, 5, 10])
def test_the_interval_holds_the_ratios_that_a_t_test_does_not_reject(n):
    random = np.random.default_rng(n)
    numerators, denominators = random.normal(0.3, 0.05, n), random.normal(0.6, 0.04, n)
    low, high = ratio_of_means(numerators.tolist(), denominators.tolist()).ci95

    def p(ratio):
        return reference.ttest_1samp(numerators - ratio * denominators, 0).pvalue - 0.05

    centre = numerators.mean() / denominators.mean()
    assert low == pytest.approx(optimize.brentq(p, centre - 2, centre), abs=1e-6)
    assert high == pytest.approx(optimize.brentq(p, centre, centre + 2), abs=1e-6)


def test_a_constant_denominator_gives_the_t_interval_of_the_numerator():
    numerators = [0.1, 0.2, 0.4]
    low, high = ratio_of_means(numerators, [0.5, 0.5, 0.5]).ci95
    expected = reference.t.interval(0.95, 2, loc=np.mean(numerators), scale=reference.sem(numerators))
    assert (low * 0.5, high * 0.5) == pytest.approx(expected)


def test_a_gap_that_may_be_zero_gives_a_share_without_interval():
    gap = gap_recovered(_values(0.3, 0.5, 0.4), _values(0.2, 0.5, 0.1), _values(0.4, 0.4, 0.5))
    assert gap.mean is not None
    assert gap.ci95 is None
    assert gap.no_interval == "the gap between floor and ceiling is not significantly above 0"


def test_a_row_below_the_floor_recovers_a_negative_share():
    assert gap_recovered(_values(0.3), _values(0.4), _values(0.8)).mean == pytest.approx(-0.25)


def test_controls_recover_nothing_and_all_by_definition():
    floor, ceiling = _values(0.3, 0.4), _values(0.8, 0.91)
    for row, share in ((floor, 0.0), (ceiling, 1.0)):
        gap = gap_recovered(row, floor, ceiling)
        assert (gap.mean, gap.ci95, gap.no_interval) == (pytest.approx(share), None, "by definition")


def test_seeds_that_a_row_lacks_are_named():
    gap = gap_recovered(_values(0.5), _values(0.3, 0.3), _values(0.8, 0.9, 0.8))
    assert (gap.mean, gap.n) == (pytest.approx(0.4), 1)
    assert gap.reason == "over seed 0 alone: this row lacks 1, 2, source-only lacks 2"


def test_rows_without_a_common_seed_have_no_share():
    gap = gap_recovered({SeedPair(1): 0.5}, _values(0.3), _values(0.8))
    assert (gap.mean, gap.reason) == (None, "source-only, oracle and this row have no seed in common")


@pytest.mark.parametrize("oracle", [0.4, 0.3])
def test_an_oracle_at_or_below_the_floor_gives_no_share(oracle):
    gap = gap_recovered(_values(0.5, 0.5), _values(0.4, 0.4), _values(oracle, oracle))
    assert (gap.mean, gap.reason) == (None, "oracle is not above source-only")


def test_a_seed_whose_oracle_is_below_its_floor_still_counts():
    gap = gap_recovered(_values(0.5, 0.5), _values(0.2, 0.6), _values(0.8, 0.5))
    assert (gap.n, gap.mean) == (2, pytest.approx(0.1 / 0.25))


def test_segmenters_of_a_seed_are_averaged_before_the_ratio():
    def nested(*values):
        return {SeedPair(seed, k): value for seed, pair in enumerate(values) for k, value in enumerate(pair)}

    gap = gap_recovered(nested((0.4, 0.6), (0.5, 0.7)), nested((0.1, 0.3), (0.3, 0.3)), nested((0.8, 0.8), (0.8, 0.9)))
    expected = ratio_of_means([0.3, 0.3], [0.6, 0.55])
    assert (gap.mean, gap.n, gap.trainings) == (pytest.approx(expected.mean), 2, 4)
    assert gap.ci95 == pytest.approx(expected.ci95)
