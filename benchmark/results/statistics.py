"""Statistics over the seeds of a row: means, intervals, differences paired by seed, ranks."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds, with what is known of its uncertainty.

    Attributes:
        mean: The mean, or None when there is no value.
        ci95: Ends of the 95 % t-interval of the mean; None where n < 2.
        n: Number of seeds.
        reason: Why values are missing, or empty.
    """

    mean: float | None
    ci95: tuple[float, float] | None
    n: int
    reason: str = ""

    @property
    def margin(self) -> float | None:
        """Half the width of the interval, printed after ±."""
        return None if self.ci95 is None else (self.ci95[1] - self.ci95[0]) / 2

    def as_json(self) -> dict[str, Any]:
        """Plain values; `reason` is there only where it says something."""
        interval = None if self.ci95 is None else list(self.ci95)
        known = {"mean": self.mean, "ci95": interval, "n": self.n}
        return known | ({"reason": self.reason} if self.reason else {})


def estimate(values: Iterable[float], reason: str = "") -> Estimate:
    """Mean and 95 % t-interval of finite values; `reason` says why some or all are missing."""
    found = list(values)
    if not found:
        return Estimate(None, None, 0, reason)
    mean = math.fsum(found) / len(found)  # fsum rounds once, so the order of the seeds does not matter
    return Estimate(mean, t_interval(found), len(found), reason)


def t_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % interval of the mean of normally distributed values (Student 1908); None for fewer than two."""
    n = len(values)
    if n < 2:
        return None
    if min(values) == max(values):  # exactly no spread, without the rounding of a mean
        return values[0], values[0]
    mean = math.fsum(values) / n
    # n - 1: the unbiased estimate, which the t-distribution of n - 1 degrees of freedom belongs to
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    margin = _t_quantile(n - 1) * math.sqrt(variance / n)
    return mean - margin, mean + margin


@cache
def _t_quantile(freedom: int) -> float:
    # scipy.special loads in a fraction of the time that scipy.stats takes
    from scipy.special import stdtrit

    # two-sided: half of what is left of the probability lies above the interval, half below
    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2))


def paired_differences(ours: Mapping[int, float], theirs: Mapping[int, float]) -> dict[int, float]:
    """Ours minus theirs, for each seed that both have."""
    return {seed: value - theirs[seed] for seed, value in ours.items() if seed in theirs}


def gap_recovered(
    cell: Mapping[int, float], source_only: Mapping[int, float], oracle: Mapping[int, float]
) -> tuple[dict[int, float], dict[int, str]]:
    """Which share of the gap between source-only and oracle a cell closes, seed by seed.

    Args:
        cell: The cell's mIoU by seed.
        source_only: That of the floor, trained without translation.
        oracle: That of the ceiling, trained on target labels.

    Returns:
        The shares (negative where the cell is worse than the floor), and for each other seed why it has none.
    """
    shares, reasons = {}, {}
    for seed, value in cell.items():
        missing = [name for name, row in (("source-only", source_only), ("oracle", oracle)) if seed not in row]
        if missing:
            reasons[seed] = f"no {' and no '.join(missing)} result for this seed"
        elif oracle[seed] <= source_only[seed]:  # a share of no gap, or of a negative one, has no meaning
            reasons[seed] = f"oracle ({oracle[seed]:.3f}) is not above source-only ({source_only[seed]:.3f})"
        else:
            shares[seed] = (value - source_only[seed]) / (oracle[seed] - source_only[seed])
    return shares, reasons


def ranks(values: Sequence[float | None], *, higher_is_better: bool = True) -> list[int | None]:
    """Places from 1, equal values sharing one; None stays without a place."""
    sign = -1 if higher_is_better else 1
    keys = [None if value is None else sign * value for value in values]
    ordered = sorted(key for key in keys if key is not None)
    return [None if key is None else 1 + bisect_left(ordered, key) for key in keys]
