"""Means over the seeds of a row with intervals for other trainings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from benchmark.results.seed_pairs import SeedPair, mean, means_by_seed, values_by_seed

CONFIDENCE = 0.95
ONE_SEED = "one translator seed: no interval over trainings"
NO_SPREAD = "no spread: all seeds have the same value"
NO_SPREAD_SHARE = 1e-12
"""Values that differ by less than this share of their size differ by rounding alone."""


@dataclass(frozen=True)
class Estimate:
    """A number over seeds, with what is known of its uncertainty.

    Attributes:
        mean: Its value, or None when there is none.
        ci95: Ends of its 95 % interval, or None.
        n: Number of translator seeds.
        reason: Why values are missing, or empty.
        no_interval: Why there is a value without interval, or empty.
        trainings: Number of cells averaged: more than `n` where several segmenters were trained for each seed.
        segmenter_sd: Standard deviation between the segmenters of one translator seed, pooled over the seeds.
        covers: What the interval holds for: other "trainings", or other "trainings and test images".
        p: Of the two-sided test that the true value is 0, for differences; None where there is no test.
    """

    mean: float | None
    ci95: tuple[float, float] | None
    n: int
    reason: str = ""
    no_interval: str = ""
    trainings: int = 0
    segmenter_sd: float | None = None
    covers: str = "trainings"
    p: float | None = None

    @property
    def margin(self) -> float | None:
        """Half the width of the interval, printed after ± where the interval is symmetric."""
        return None if self.ci95 is None else (self.ci95[1] - self.ci95[0]) / 2

    def as_json(self) -> dict[str, Any]:
        """Plain values; what goes beyond mean, interval and n is there only where it says something."""
        interval = None if self.ci95 is None else list(self.ci95)
        known: dict[str, Any] = {"mean": self.mean, "ci95": interval, "n": self.n}
        if self.trainings > self.n:
            known["trainings"] = self.trainings
        if self.ci95 is not None and self.covers != "trainings":
            known["covers"] = self.covers
        optional = {name: getattr(self, name) for name in ("reason", "no_interval", "segmenter_sd", "p")}
        return known | {name: value for name, value in optional.items() if value not in ("", None)}


def estimate(values: Mapping[SeedPair, float], reason: str = "") -> Estimate:
    """Mean over translator seeds of means over their segmenters, with a t-interval over translator seeds.

    Cells of one translator seed share its translations, so that only translator seeds count as independent.

    Args:
        values: Finite values by seeds.
        reason: Why some or all are missing.
    """
    if not values:
        return Estimate(None, None, 0, reason)
    seed_means = list(means_by_seed(values).values())
    interval = t_interval(seed_means)
    return Estimate(
        mean=mean(seed_means),
        ci95=interval,
        n=len(seed_means),
        reason=reason,
        no_interval="" if interval else why_no_interval(seed_means),
        trainings=len(values),
        segmenter_sd=segmenter_deviation(values),
    )


def why_no_interval(seed_values: Sequence[float]) -> str:
    """Why values of one number per seed have no t-interval."""
    return ONE_SEED if len(seed_values) < 2 else NO_SPREAD


def t_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % interval of the mean of normally distributed values (Student 1908).

    Returns:
        Its ends; None for fewer than two values and for equal ones, which say nothing about the spread of others.
    """
    n = len(values)
    if n < 2 or has_no_spread(values):
        return None
    centre = mean(values)
    margin = t_quantile(n - 1) * math.sqrt(sample_variance(values) / n)
    return centre - margin, centre + margin


def has_no_spread(values: Sequence[float]) -> bool:
    """Whether all values are equal, but for rounding."""
    largest = max(abs(value) for value in values)
    return max(values) - min(values) <= NO_SPREAD_SHARE * max(1.0, largest)


def sample_variance(values: Sequence[float]) -> float:
    """Unbiased estimate of the variance; at least two values."""
    centre = mean(values)
    return math.fsum((value - centre) ** 2 for value in values) / (len(values) - 1)


def segmenter_deviation(values: Mapping[SeedPair, float]) -> float | None:
    """Standard deviation of segmenters that were trained on the same translations, pooled over translator seeds."""
    squares, freedom = 0.0, 0
    for found in values_by_seed(values).values():
        if len(found) > 1:
            squares += sample_variance(found) * (len(found) - 1)
            freedom += len(found) - 1
    return math.sqrt(squares / freedom) if freedom else None


@cache
def t_quantile(freedom: int, level: float = 1 - CONFIDENCE) -> float:
    """What Student's t passes with probability `level`, to either side."""
    # scipy.special loads in a fraction of the time that scipy.stats takes
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - level / 2))
