"""Where the spread of a row's scores comes from, and how small a difference a number of seeds can tell apart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from benchmark.plan.stage_kinds import FIT_SEGMENTER, FIT_TRANSLATOR
from benchmark.results.board import Row
from benchmark.results.differences import jackknife_variance
from benchmark.results.seed_pairs import SeedPair, mean, means_by_seed, values_by_seed
from benchmark.results.statistics import sample_variance, t_quantile

POWER = 0.8
"""Chance of finding a difference, by which numbers of seeds are usually planned (Cohen 1988)."""
MOST_SEGMENTERS = 10
"""More segmenters per translator are not recommended, whatever their cost."""


@dataclass(frozen=True)
class Spread:
    """Variances of the ranking value of a row by their cause, and what its trainings cost.

    Attributes:
        translator: Due to the seed of the translator; 0 for a row that trains none; None where it is not known.
        segmenter: Due to the seed of the segmenter, on the same translations; None where it is not known.
        images: Due to the choice of test images; None where they were not counted one by one.
        translator_minutes: Of the training of a translator; 0 where there is none.
        segmenter_minutes: Of that of a segmenter; None where it is not known.
        together: Due to both seeds, of translators with one segmenter each; None below two translators.
    """

    translator: float | None
    segmenter: float | None
    images: float | None = None
    translator_minutes: float = 0.0
    segmenter_minutes: float | None = None
    together: float | None = None

    def of_mean(self, seeds: int, segmenter_seeds: int) -> float | None:
        """Variance of the mean over so many translators with so many segmenters each, on the same test images."""
        if self.translator is not None and self.segmenter is not None:
            return self.translator / seeds + self.segmenter / (seeds * segmenter_seeds)
        if self.together is not None and segmenter_seeds == 1:
            return self.together / seeds
        return None

    def best_segmenter_seeds(self) -> int | None:
        """Segmenters per translator that give the smallest variance of the mean for the same minutes.

        Source: Cochran 1977, Sampling Techniques, 3rd edition, equation 10.19 (sampling in two stages).
        """
        if not self.segmenter_minutes or self.translator is None or self.segmenter is None:
            return None
        if not self.translator_minutes:  # nothing is shared, so a further seed is worth as much and costs the same
            return 1
        if self.translator == 0:
            return MOST_SEGMENTERS
        shares = self.translator_minutes / self.segmenter_minutes * self.segmenter / self.translator
        return min(MOST_SEGMENTERS, max(1, round(math.sqrt(shares))))


def spread_of(row: Row) -> Spread:
    """The parts of the variance of a row, by an analysis of variance of its nested seeds.

    The estimate of the translator's part is the variance of the means of seeds, less what the segmenters' part puts
    into it; below 0 it is 0.

    Source: Searle, Casella and McCulloch 1992, Variance Components, section 3.6 (nested, method of moments).
    """
    sample = row.sample
    minutes = {kind: training.minutes for kind, training in row.trainings.items()}
    trains_translator = row.images_seen.get("translator") is not None
    if trains_translator:
        translator, segmenter = nested_variances(sample.values)
    else:  # every cell is a training of its own
        every = list(sample.values.values())
        translator, segmenter = 0.0, sample_variance(every) if len(every) > 1 else None
    of_first_segmenters = [value for pair, value in sample.values.items() if not pair.segmenter_seed]
    image_variances = [jackknife_variance(values) for values in sample.without_group.values()]
    return Spread(
        translator,
        segmenter,
        mean(image_variances) if image_variances else None,
        minutes.get(FIT_TRANSLATOR, 0.0) if trains_translator else 0.0,
        minutes.get(FIT_SEGMENTER),
        sample_variance(of_first_segmenters) if len(of_first_segmenters) > 1 else None,
    )


def nested_variances(values: Mapping[SeedPair, float]) -> tuple[float | None, float | None]:
    """Variance between translators and between segmenters of one translator; None where seeds do not suffice.

    Args:
        values: By seeds.
    """
    by_seed = values_by_seed(values)
    several = [found for found in by_seed.values() if len(found) > 1]
    if not several:
        return None, None
    squares = math.fsum(sample_variance(found) * (len(found) - 1) for found in several)
    segmenter = squares / sum(len(found) - 1 for found in several)
    if len(by_seed) < 2:
        return None, segmenter
    # the mean of 1 / (segmenters of a seed): what each mean of a seed holds of the segmenters' variance
    share = mean([1 / len(found) for found in by_seed.values()])
    between = sample_variance(list(means_by_seed(values).values()))
    return max(0.0, between - share * segmenter), segmenter


def smallest_difference(variance: float, seeds: int, level: float) -> float:
    """The true difference that is found with probability `POWER`.

    Args:
        variance: Of the estimated difference.
        seeds: Of translators, which its t-test counts.
        level: Of the test; that of all comparisons divided by their number where many are made.

    Source: the usual approximation by two quantiles of t, as in Chow, Shao and Wang 2008, Sample Size Calculations in
    Clinical Research, section 3.2.
    """
    return (t_quantile(seeds - 1, level) + t_quantile(seeds - 1, 2 * (1 - POWER))) * math.sqrt(variance)
