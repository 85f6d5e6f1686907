"""Intervals agree with scipy.stats; gaps are paired by seed; ranks share ties."""

import math

import numpy as np
import pytest
from scipy import stats as reference

from benchmark.results import statistics as stats


@pytest.mark.parametrize("n", [2, 3, 5, 30])
def test_the_interval_is_the_one_of_scipy_stats(n):
    values = np.random.default_rng(n).normal(0.6, 0.1, n)
    expected = reference.t.interval(0.95, n - 1, loc=values.mean(), scale=reference.sem(values))
    assert stats.t_interval(values.tolist()) == pytest.approx(expected, rel=1e-9)


def test_three_seeds_give_the_textbook_interval():
    low, high = stats.t_interval([1.0, 2.0, 3.0])  # t(0.975, 2) = 4.3027 (Student's table), s = 1
    assert (high - low) / 2 == pytest.approx(4.3027 / math.sqrt(3), abs=1e-4)


def test_one_seed_has_a_mean_but_no_interval():
    assert stats.estimate([0.5]) == stats.Estimate(0.5, None, 1)
    assert stats.estimate([0.5]).margin is None


def test_no_value_is_null_with_its_reason():
    assert stats.estimate([], "no weights").as_json() == {"mean": None, "ci95": None, "n": 0, "reason": "no weights"}


def test_an_estimate_in_json_holds_plain_lists():
    shown = stats.estimate([0.25, 0.75]).as_json()
    assert shown["mean"] == 0.5
    assert shown["n"] == 2
    assert isinstance(shown["ci95"], list)
    assert "reason" not in shown


def test_the_margin_is_half_the_interval():
    estimate = stats.estimate([1.0, 2.0, 3.0])
    assert estimate.margin == pytest.approx(estimate.ci95[1] - estimate.mean)


def test_paired_differences_use_the_seeds_both_have():
    assert stats.paired_differences({0: 0.5, 1: 0.7, 2: 0.9}, {1: 0.4, 2: 0.5, 3: 0.1}) == pytest.approx(
        {1: 0.3, 2: 0.4}
    )


def test_the_interval_of_paired_differences_is_that_of_a_paired_t_test():
    generator = np.random.default_rng(7)
    ours, theirs = generator.normal(0.6, 0.1, 6), generator.normal(0.5, 0.1, 6)
    differences = stats.paired_differences(dict(enumerate(ours)), dict(enumerate(theirs)))
    expected = reference.ttest_rel(ours, theirs).confidence_interval(0.95)
    assert stats.t_interval(list(differences.values())) == pytest.approx((expected.low, expected.high))


def test_gaps_are_paired_by_seed():
    shares, reasons = stats.gap_recovered({0: 0.5, 1: 0.5}, {0: 0.4, 1: 0.2}, {0: 0.8, 1: 0.8})
    assert shares == pytest.approx({0: 0.25, 1: 0.5})
    assert reasons == {}


def test_a_cell_below_the_floor_recovers_a_negative_share():
    shares, _ = stats.gap_recovered({0: 0.3}, {0: 0.4}, {0: 0.8})
    assert shares[0] == pytest.approx(-0.25)


def test_controls_recover_nothing_and_all():
    floor, ceiling = {0: 0.3, 1: 0.4}, {0: 0.8, 1: 0.9}
    assert stats.gap_recovered(floor, floor, ceiling)[0] == {0: 0.0, 1: 0.0}
    assert stats.gap_recovered(ceiling, floor, ceiling)[0] == {0: 1.0, 1: 1.0}


def test_a_seed_without_controls_has_no_gap_and_says_which_is_missing():
    shares, reasons = stats.gap_recovered({0: 0.5, 1: 0.5, 2: 0.5}, {0: 0.3, 1: 0.3}, {0: 0.8})
    assert list(shares) == [0]
    assert reasons == {
        1: "no oracle result for this seed",
        2: "no source-only and no oracle result for this seed",
    }


@pytest.mark.parametrize("oracle", [0.4, 0.3])
def test_an_oracle_at_or_below_the_floor_gives_no_gap(oracle):
    shares, reasons = stats.gap_recovered({0: 0.5}, {0: 0.4}, {0: oracle})
    assert shares == {}
    assert "is not above source-only (0.400)" in reasons[0]


def test_ranks_share_ties_and_skip_the_unknown():
    values = [0.3, 0.9, None, 0.9, 0.1]
    assert stats.ranks(values) == [3, 1, None, 1, 4]
    assert stats.ranks(values, higher_is_better=False) == [2, 3, None, 3, 1]


def test_ranks_agree_with_scipy():
    values = np.random.default_rng(1).integers(0, 5, 20).astype(float)
    assert stats.ranks(values.tolist()) == reference.rankdata(-values, method="min").astype(int).tolist()
