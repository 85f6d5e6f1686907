"""Differences are paired; their variance has a part of trainings and one of test images."""

import math

import numpy as np
import pytest
from scipy import stats as reference

from benchmark.results.differences import (
    Sample,
    VariancePart,
    combined_quantile,
    image_part,
    jackknife_variance,
    p_value,
    paired_difference,
)
from benchmark.results.multiple import LEVEL
from benchmark.results.seed_pairs import SeedPair


def _sample(values, without_group=None):
    pairs = [SeedPair(seed) for seed in range(len(values))]
    groups = {} if without_group is None else dict(zip(pairs, without_group, strict=True))
    return Sample(dict(zip(pairs, values, strict=True)), groups)


def _crossed(random, seeds, groups, seed_sd=1.0, group_sd=1.0, cell_sd=1.0):
    """A linear score of seeds x groups, as its mean by seed and its means without each group."""
    noise = random.normal(0, seed_sd, (seeds, 1)) + random.normal(0, group_sd, (1, groups))
    table = noise + random.normal(0, cell_sd, (seeds, groups))
    return table, (table.sum(axis=1, keepdims=True) - table) / (groups - 1)


def test_without_images_the_interval_and_p_are_those_of_a_paired_t_test():
    random = np.random.default_rng(7)
    ours, theirs = random.normal(0.6, 0.1, 6), random.normal(0.5, 0.1, 6)
    estimate = paired_difference(_sample(ours), _sample(theirs)).estimate
    expected = reference.ttest_rel(ours, theirs)
    interval = expected.confidence_interval(0.95)
    assert estimate.mean == pytest.approx(np.mean(ours - theirs))
    assert estimate.ci95 == pytest.approx((interval.low, interval.high))
    assert estimate.p == pytest.approx(expected.pvalue)
    assert estimate.covers == "trainings"


def test_only_cells_that_both_rows_have_are_compared():
    ours, theirs = Sample({SeedPair(0): 0.5, SeedPair(1): 0.7}), Sample({SeedPair(1): 0.4, SeedPair(1, 1): 0.1})
    difference = paired_difference(ours, theirs)
    assert difference.single == pytest.approx({SeedPair(1): 0.3})
    assert difference.estimate.no_interval == "one translator seed: no interval over trainings"


def test_rows_without_a_common_seed_have_no_difference():
    difference = paired_difference(Sample({SeedPair(0): 0.5}), Sample({SeedPair(1): 0.5}))
    assert (difference.estimate.mean, difference.estimate.reason) == (None, "the two rows have no seed in common")


def test_segmenters_of_a_seed_are_paired_and_then_averaged():
    pairs = [SeedPair(seed, k) for seed in (0, 1) for k in (0, 1)]
    ours = Sample(dict(zip(pairs, (0.5, 0.7, 0.6, 0.9), strict=True)))
    theirs = Sample(dict(zip(pairs, (0.4, 0.4, 0.5, 0.6), strict=True)))
    estimate = paired_difference(ours, theirs).estimate
    assert estimate.mean == pytest.approx(0.2)
    assert (estimate.n, estimate.trainings) == (2, 4)
    assert estimate.no_interval == "no spread: all seeds have the same value"


def test_the_jackknife_of_a_mean_is_its_usual_variance():
    values = np.random.default_rng(1).normal(0, 1, 30)
    without = (values.sum() - values) / 29
    assert jackknife_variance(without) == pytest.approx(values.var(ddof=1) / 30)


def test_the_part_of_images_is_that_of_an_analysis_of_variance():
    seeds, groups = 4, 20
    table, without = _crossed(np.random.default_rng(1), seeds, groups, group_sd=2.0)
    by_seed, by_group = table.mean(axis=1, keepdims=True), table.mean(axis=0, keepdims=True)
    residual = table - by_seed - by_group + table.mean()
    interaction = (residual**2).sum() / (seeds - 1) / (groups - 1)
    expected = by_group.var(ddof=1) / groups - interaction / (seeds * groups)
    assert image_part(without) == pytest.approx((expected, groups - 1))


def test_few_groups_keep_the_noise_of_single_trainings_on_them():
    _, without = _crossed(np.random.default_rng(1), 3, 5)
    assert image_part(without).variance == pytest.approx(jackknife_variance(without.mean(axis=0)))


def test_images_widen_the_interval_of_a_difference():
    random = np.random.default_rng(2)
    table, without = _crossed(random, 3, 40, seed_sd=0.3, group_sd=3.0)
    still = np.zeros((3, 40))
    with_images = paired_difference(_sample(table.mean(axis=1), without), _sample(np.zeros(3), still))
    trainings_alone = paired_difference(_sample(table.mean(axis=1)), _sample(np.zeros(3)))
    assert with_images.estimate.margin > trainings_alone.estimate.margin
    assert with_images.estimate.p > trainings_alone.estimate.p
    assert with_images.estimate.covers == "trainings and test images"
    assert with_images.groups == 40
    total = with_images.training_error**2 + with_images.image_error**2
    parts = [VariancePart(with_images.training_error**2, 2), VariancePart(with_images.image_error**2, 39)]
    quantile = combined_quantile(parts)
    assert with_images.estimate.margin == pytest.approx(quantile * math.sqrt(total))


def test_one_seed_has_an_interval_over_images_alone():
    table, without = _crossed(np.random.default_rng(3), 1, 40)
    difference = paired_difference(_sample(table.mean(axis=1), without), _sample([0.0], np.zeros((1, 40))))
    expected = reference.t.interval(0.95, 39, loc=table.mean(), scale=reference.sem(table[0]))
    assert difference.image_interval == pytest.approx(expected)
    assert difference.estimate.ci95 is None


def test_images_count_only_where_all_cells_have_them():
    table, without = _crossed(np.random.default_rng(3), 2, 40)
    ours = Sample(_sample(table.mean(axis=1)).values, {SeedPair(0): without[0]})
    assert paired_difference(ours, _sample([0.0, 0.0], np.zeros((2, 40)))).groups == 0


def test_images_that_are_one_group_say_nothing_of_others():
    unknown = np.full((2, 1), np.nan)
    ours, theirs = _sample([0.5, 0.6], unknown), _sample([0.1, 0.3], unknown)
    assert paired_difference(ours, theirs).groups == 0


def test_one_part_has_the_quantile_of_student_and_both_lie_between_theirs():
    assert combined_quantile([VariancePart(2.0, 2)]) == pytest.approx(reference.t.ppf(0.975, 2))
    both = combined_quantile([VariancePart(1.0, 2), VariancePart(1.0, 99)])
    assert reference.t.ppf(0.975, 99) < both < reference.t.ppf(0.975, 2)
    no_images = combined_quantile([VariancePart(1.0, 2), VariancePart(0.0, 99)])
    assert no_images == pytest.approx(reference.t.ppf(0.975, 2))


@pytest.mark.parametrize("p", [0.3, 1e-3, 1e-8])
def test_the_p_value_is_the_level_of_an_interval_that_holds_at_every_level(p):
    parts = [VariancePart(1.0, 2), VariancePart(3.0, 99)]
    number = math.sqrt(reference.t.isf(p / 2, 2) ** 2 + 3 * reference.t.isf(p / 2, 99) ** 2)
    assert p_value(number, parts) == pytest.approx(p, rel=1e-6)
    assert p_value(-number, parts) == pytest.approx(p, rel=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.8, 1.0])
def test_p_is_at_most_5_percent_just_where_the_interval_excludes_0(share):
    parts = [VariancePart(share, 2), VariancePart(1 - share, 99)]
    edge = combined_quantile(parts)
    assert p_value(edge * 1.001, parts) <= LEVEL
    assert p_value(edge * 0.999, parts) >= LEVEL


def test_a_number_without_any_variance_is_0_or_significant():
    nothing = [VariancePart(0.0, 2), VariancePart(0.0, 99)]
    assert (p_value(0.0, nothing), p_value(0.1, nothing)) == (1.0, 0.0)
