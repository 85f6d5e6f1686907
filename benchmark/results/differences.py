"""Difference of two rows, paired by seeds and by test images, with an interval for other trainings and other images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.results.multiple import LEVEL
from benchmark.results.seed_pairs import SeedPair, mean, means_by_seed
from benchmark.results.statistics import NO_SPREAD, ONE_SEED, Estimate, has_no_spread, sample_variance, t_quantile

Array = NDArray[np.float64]
BOTH = "trainings and test images"
MANY_GROUPS = 10
"""From so many groups of images on, the noise of single trainings on single images is known well enough to subtract."""


@dataclass(frozen=True)
class Sample:
    """One number of a row in each of its cells.

    Attributes:
        values: By seeds.
        without_group: By seeds, the number over the test images of all groups but one, for each group: shape
            (groups,). Empty where records have no counts of single images.
    """

    values: Mapping[SeedPair, float]
    without_group: Mapping[SeedPair, Array] = field(default_factory=dict, compare=False, repr=False)


class VariancePart(NamedTuple):
    """An independent part of the variance of a mean, estimated with some degrees of freedom."""

    variance: float
    freedom: int


@dataclass(frozen=True)
class Difference:
    """One row minus another.

    Attributes:
        estimate: The difference with its interval and p-value.
        single: It in each cell that both rows have.
        groups: Number of groups of test images; 0 where single images were not counted.
        image_interval: 95 % interval for other test images and these very trainings; None where that is not known.
        training_error: Standard error due to trainings; None for one seed.
        image_error: Standard error due to test images; None where that is not known.
    """

    estimate: Estimate
    single: Mapping[SeedPair, float]
    groups: int = 0
    image_interval: tuple[float, float] | None = None
    training_error: float | None = None
    image_error: float | None = None


def paired_difference(ours: Sample, theirs: Sample) -> Difference:
    """Our mean minus theirs, over the cells that both have.

    The variance of the mean is the sum of that over translator seeds and that over groups of test images: the
    question is which row is better with other trainings on other images of this kind.

    Args:
        ours: A row's numbers.
        theirs: Another row's, in cells with the same test images.
    """
    common = sorted(set(ours.values) & set(theirs.values))
    if not common:
        return Difference(Estimate(None, None, 0, "the two rows have no seed in common"), {})
    single = {pair: ours.values[pair] - theirs.values[pair] for pair in common}
    seed_values = list(means_by_seed(single).values())
    centre, n = mean(seed_values), len(seed_values)
    estimate = Estimate(centre, None, n, trainings=len(common))
    parts: list[VariancePart] = []
    if n > 1 and not has_no_spread(seed_values):
        parts.append(VariancePart(sample_variance(seed_values) / n, n - 1))
    difference = Difference(estimate, single)
    without_group = _differences_without_group(ours, theirs, common)
    if without_group is not None:
        over_images = image_part(without_group)
        all_image_noise = VariancePart(jackknife_variance(without_group.mean(axis=0)), over_images.freedom)
        difference = replace(
            difference,
            groups=without_group.shape[1],
            image_interval=combined_interval(centre, [all_image_noise]),
            image_error=math.sqrt(over_images.variance),
        )
        parts.append(over_images)
    if n < 2 or has_no_spread(seed_values):
        why = ONE_SEED if n < 2 else NO_SPREAD
        return replace(difference, estimate=replace(estimate, no_interval=why))
    covered = replace(
        estimate,
        ci95=combined_interval(centre, parts),
        p=p_value(centre, parts),
        covers=BOTH if len(parts) > 1 else estimate.covers,
    )
    return replace(difference, estimate=covered, training_error=math.sqrt(parts[0].variance))


def _differences_without_group(ours: Sample, theirs: Sample, common: Sequence[SeedPair]) -> Array | None:
    """Differences over the images of all groups but one, shape (translator seeds, groups); None where not known."""
    by_seed: dict[int, list[Array]] = {}
    for pair in common:
        if pair not in ours.without_group or pair not in theirs.without_group:
            return None
        one, other = ours.without_group[pair], theirs.without_group[pair]
        if one.shape != other.shape or len(one) < 2:
            return None
        by_seed.setdefault(pair.seed, []).append(one - other)
    differences = np.stack([np.mean(found, axis=0) for found in by_seed.values()])
    # without the only group that has a class there is no IoU of it
    return differences if np.isfinite(differences).all() else None


def jackknife_variance(without_group: Array) -> float:
    """Variance of a number over all groups, from its values over all groups but one; shape (groups,).

    Source: Efron & Stein 1981, The jackknife estimate of variance, Annals of Statistics 9(3).
    """
    groups = len(without_group)
    return float((groups - 1) / groups * ((without_group - without_group.mean()) ** 2).sum())


def image_part(without_group: Array) -> VariancePart:
    """The part of the variance of a mean over seeds that is due to test images.

    The jackknife of the mean also has the noise of single trainings on single images, which the variance over seeds
    already counts. As in an analysis of variance of seeds x groups, it is subtracted.

    Args:
        without_group: The number over all groups of images but one, shape (seeds, groups).

    Source: Hillis 2007, A comparison of denominator degrees of freedom methods for multiple observer ROC analysis,
    Statistics in Medicine 26(3), where readers stand for seeds and cases for images.
    """
    seeds, groups = without_group.shape
    variance = jackknife_variance(without_group.mean(axis=0))
    if seeds > 1 and groups >= MANY_GROUPS:
        interaction = without_group - without_group.mean(axis=0)
        single_variances = [jackknife_variance(row) for row in interaction]
        variance -= math.fsum(single_variances) / (seeds - 1) / seeds
    return VariancePart(max(0.0, variance), groups - 1)


def combined_interval(centre: float, parts: Sequence[VariancePart]) -> tuple[float, float]:
    """The 95 % interval around a number whose variance is the sum of some parts."""
    margin = combined_quantile(parts) * math.sqrt(_total(parts))
    return centre - margin, centre + margin


def combined_quantile(parts: Sequence[VariancePart]) -> float:
    """How many standard errors a 95 % interval extends to either side.

    With z the quantile of the normal distribution, t_i that of the degrees of freedom of part i, and w_i the share of
    part i in the variance, it is z + sum of (t_i - z) w_i^2 (2 - w_i). Cochran & Cox (1950, Experimental Designs) take
    w_i itself, which covers more than promised; Welch-Satterthwaite's degrees of freedom cover too little at three
    seeds. This weight was chosen between the two by simulation, and covers 94.5 to 96 % for three to ten seeds:
    docs/statistics.md has the table.
    """
    normal = t_quantile(math.inf)
    total, quantile = _total(parts), normal
    for variance, freedom in parts:
        share = variance / total if total else 1 / len(parts)
        quantile += (t_quantile(freedom) - normal) * share**2 * (2 - share)
    return quantile


def p_value(number: float, parts: Sequence[VariancePart]) -> float:
    """Probability of so large a number, to either side, where its true value is 0.

    Corrections for many comparisons look at levels far below 5 %, where an interval that is made to cover 95 % covers
    too little. So the p-value is that of an interval which holds at every level, sum of t_i^2 variance_i under its
    root; but 5 % at most where the narrower 95 % interval excludes 0.

    Source: Banerjee 1960, Approximate confidence interval for linear functions of means of k populations when the
    population variances are not equal, Sankhya 22.
    """
    if _total(parts) == 0:
        return 1.0 if number == 0 else 0.0
    bound = _bound_at_every_level(number, parts)
    low, high = combined_interval(number, parts)
    return max(bound, LEVEL) if low <= 0 <= high else min(bound, LEVEL)


def _bound_at_every_level(number: float, parts: Sequence[VariancePart]) -> float:
    """The level at which Banerjee's interval just excludes 0, by bisection of its logarithm."""
    from scipy.special import stdtr, stdtrit

    if len(parts) == 1:
        ratio = abs(number) / math.sqrt(parts[0].variance)
        return 2 * float(stdtr(parts[0].freedom, -ratio))
    low, high = -300.0, 0.0  # of the logarithm to the base 10
    for _ in range(60):
        middle = (low + high) / 2
        squares = [variance * float(stdtrit(freedom, 10**middle / 2)) ** 2 for variance, freedom in parts]
        if math.fsum(squares) > number**2:
            low = middle
        else:
            high = middle
    return float(10**high)


def _total(parts: Sequence[VariancePart]) -> float:
    return math.fsum(variance for variance, _ in parts)
