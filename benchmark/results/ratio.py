"""Gap recovered: a ratio of means over seeds, with the interval of Fieller."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from benchmark.results.seed_pairs import SeedPair, lacking_seeds, mean, means_by_seed
from benchmark.results.statistics import NO_SPREAD, ONE_SEED, Estimate, has_no_spread, sample_variance, t_quantile

Values = Mapping[SeedPair, float]
BY_DEFINITION = "by definition"
GAP_NOT_SHOWN = "the gap between floor and ceiling is not significantly above 0"


def gap_recovered(cell: Values, floor: Values, ceiling: Values) -> Estimate:
    """Share of the gap between floor and ceiling that a row closes, over the seeds that all three have.

    mean(row - floor) / mean(ceiling - floor): the mean of the ratios of single seeds is biased where a seed's gap is
    small, and has no variance where it may be 0.

    Args:
        cell: The ranking value of a row by seeds.
        floor: That of the row trained without translation.
        ceiling: That of the row trained on target labels.

    Returns:
        The share, negative where the row is below the floor. Its `reason` names seeds that one of the three lacks,
        or says why there is no share; `no_interval` says why it has no interval.
    """
    rows = {"this row": cell, "source-only": floor, "oracle": ceiling}
    for name in ("source-only", "oracle"):
        if not rows[name]:
            return Estimate(None, None, 0, f"no {name} result")
    common = set(cell) & set(floor) & set(ceiling)
    if not common:
        return Estimate(None, None, 0, "source-only, oracle and this row have no seed in common")
    reason = lacking_seeds(rows)
    gains = means_by_seed({pair: cell[pair] - floor[pair] for pair in common})
    gaps = means_by_seed({pair: ceiling[pair] - floor[pair] for pair in common})
    if mean(list(gaps.values())) <= 0:  # a share of no gap, or of a negative one, has no meaning
        return Estimate(None, None, 0, "oracle is not above source-only")
    share = ratio_of_means(list(gains.values()), list(gaps.values()))
    if share.no_interval and cell in (floor, ceiling):
        share = replace(share, no_interval=BY_DEFINITION)
    return replace(share, reason=reason, trainings=len(common))


def ratio_of_means(numerators: Sequence[float], denominators: Sequence[float]) -> Estimate:
    """mean(numerators) / mean(denominators) of pairs, with Fieller's interval.

    Args:
        numerators: One per seed.
        denominators: As many; their mean is above 0.

    Returns:
        The ratio; without interval for one seed, where the ratio has no spread, and where the denominator is not
        significantly different from 0, as the set of likely ratios is then unbounded.

    Source: Fieller 1954, Some problems in interval estimation, JRSS B 16(2); exact for normally distributed pairs.
    """
    n = len(numerators)
    u, v = mean(numerators), mean(denominators)
    ratio = Estimate(u / v, None, n, trainings=n)
    if n < 2:
        return replace(ratio, no_interval=ONE_SEED)
    residuals = [one - u / v * other for one, other in zip(numerators, denominators, strict=True)]
    if has_no_spread(residuals):
        return replace(ratio, no_interval=NO_SPREAD)
    square = t_quantile(n - 1) ** 2 / n
    products = [(one - u) * (other - v) for one, other in zip(numerators, denominators, strict=True)]
    covariance = math.fsum(products) / (n - 1)
    # the interval holds each ratio r with n (u - r v)^2 <= t^2 var(numerator - r denominator): a quadratic in r
    a = v * v - square * sample_variance(denominators)
    b = u * v - square * covariance
    c = u * u - square * sample_variance(numerators)
    if a <= 0:
        return replace(ratio, no_interval=GAP_NOT_SHOWN)
    root = math.sqrt(max(0.0, b * b - a * c))  # the ratio itself is in the set, so only rounding can make it negative
    return replace(ratio, ci95=((b - root) / a, (b + root) / a))
