"""Intervals cover the truth as often as they promise, in simulated trainings whose truth is known.

As a program this prints the tables of docs/statistics.md: python tests/benchmark/results/test_interval_coverage.py
"""

import argparse
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import special

from benchmark.results.differences import (
    Sample,
    VariancePart,
    image_part,
    p_value,
    paired_difference,
)
from benchmark.results.multiple import LEVEL, holm
from benchmark.results.ratio import ratio_of_means
from benchmark.results.seed_pairs import SeedPair
from benchmark.results.statistics import t_interval

SEEDS = (3, 5, 10)
GAPS = {"large": 60.0, "small": 15.0}
SPREADS = {"equal": (2.0, 2.0, 2.0), "unequal": (6.0, 0.3, 1.5)}
"""Standard deviations over seeds of floor, ceiling and row, in points of mIoU."""
SHARE = 0.5
SHARED = 0.5
"""Correlation of the rows of one seed."""


@dataclass
class Coverage:
    """How often intervals of a method hold the truth, how wide they are, and how often there is one."""

    simulations: int = 0
    shown: int = 0
    covering: int = 0
    width: float = 0.0

    def add(self, interval: tuple[float, float] | None, truth: float) -> None:
        self.simulations += 1
        if interval is not None:
            self.shown += 1
            self.covering += interval[0] <= truth <= interval[1]
            self.width += interval[1] - interval[0]

    @property
    def rate(self) -> float:
        return self.covering / self.shown

    @property
    def wrong(self) -> float:
        """Share of all simulations in which an interval is shown that does not hold the truth."""
        return (self.shown - self.covering) / self.simulations

    @property
    def mean_width(self) -> float:
        return self.width / self.shown


def correlated(random: np.random.Generator, spreads, simulations: int, seeds: int) -> np.ndarray:
    """Deviations of rows from their means, shape (simulations, rows, seeds); rows of one seed are correlated."""
    shared = random.normal(0, 1, (simulations, 1, seeds))
    own = random.normal(0, 1, (simulations, len(spreads), seeds))
    return np.array(spreads)[None, :, None] * (math.sqrt(SHARED) * shared + math.sqrt(1 - SHARED) * own)


# gap recovered


def mean_of_ratios(gains, gaps) -> tuple[float, float] | None:
    """The t-interval of the ratios of single seeds; seeds without a gap are dropped."""
    ratios = [gain / gap for gain, gap in zip(gains, gaps, strict=True) if gap > 0]
    return t_interval(ratios) if ratios else None


def gap_coverage(seeds: int, gap: float, spreads, simulations: int, seed: int = 0) -> dict[str, Coverage]:
    """Coverage of the intervals of gap recovered, and of the row's own mean."""
    deviations = correlated(np.random.default_rng(seed), spreads, simulations, seeds)
    found: dict[str, Coverage] = defaultdict(Coverage)
    for floor, ceiling, row in deviations:
        gains, gaps = SHARE * gap + row - floor, gap + ceiling - floor
        found["mean, t"].add(t_interval(row.tolist()), 0.0)
        found["mean of ratios, t (before)"].add(mean_of_ratios(gains.tolist(), gaps.tolist()), SHARE)
        interval = ratio_of_means(gains.tolist(), gaps.tolist()).ci95 if gaps.mean() > 0 else None
        found["ratio of means, Fieller (used)"].add(interval, SHARE)
    return found


def gap_bias(seeds: int, gap: float, spreads, simulations: int, seed: int = 0) -> tuple[float, float]:
    """Mean and median over simulations of the mean of ratios, and of the ratio of means, minus the truth."""
    floor, ceiling, row = np.moveaxis(correlated(np.random.default_rng(seed), spreads, simulations, seeds), 1, 0)
    gains, gaps = SHARE * gap + row - floor, gap + ceiling - floor
    ratios = np.where(gaps > 0, gains / np.where(gaps > 0, gaps, 1), np.nan)
    before = np.nanmean(ratios, axis=1)
    now = gains.mean(axis=1) / gaps.mean(axis=1)
    return float(np.nanmedian(before) - SHARE), float(np.median(now) - SHARE)


# differences of two rows over trainings and images

GROUPS, CLASSES = 60, 4
NOISES = {
    "trainings": (2.0, 1.0, 4.0),
    "both": (2.0, 8.0, 8.0),
    "images": (0.5, 12.0, 8.0),
}
"""Standard deviations, in points, over seeds, over groups of images, and of single trainings on single groups."""


def miou_samples(random: np.random.Generator, simulations: int, seeds: int, noise, share: float = 1.0):
    """mIoU of a row, shape (simulations, seeds), and without each group, shape (simulations, seeds, groups).

    IoU is a ratio of sums over images whose unions differ; its expectation is 0.4 in each class. Two segmenters are
    trained for each seed and averaged.

    Args:
        share: Of the noise of trainings.
    """
    over_seeds, over_groups, single = (points / 100 for points in noise)
    union = random.lognormal(0, 0.7, (simulations, 1, GROUPS, CLASSES))
    translator = random.normal(0, over_seeds * share, (simulations, seeds, 1, 1))
    segmenters = random.normal(0, over_seeds * share / 2, (simulations, seeds, 2, 1)).mean(axis=2, keepdims=True)
    images = random.normal(0, over_groups / math.sqrt(2), (simulations, 1, GROUPS, CLASSES))
    crossed = random.normal(0, single / math.sqrt(2), (simulations, seeds, GROUPS, CLASSES))
    intersection = union * (0.4 + translator + segmenters + images + crossed)
    sums, totals = intersection.sum(axis=2, keepdims=True), union.sum(axis=2, keepdims=True)
    miou = (sums / totals).mean(axis=(2, 3))
    without = ((sums - intersection) / (totals - union)).mean(axis=3)
    return miou, without


def welch_satterthwaite(centre: float, parts) -> tuple[float, float]:
    """Interval with Satterthwaite's degrees of freedom."""
    total = sum(variance for variance, _ in parts)
    freedom = total**2 / sum(variance**2 / degrees for variance, degrees in parts)
    margin = special.stdtrit(freedom, 0.975) * math.sqrt(total)
    return centre - margin, centre + margin


def cochran_cox(centre: float, parts) -> tuple[float, float]:
    """Interval with the quantiles of all parts, weighted by their variances."""
    total = sum(variance for variance, _ in parts)
    quantile = sum(variance / total * special.stdtrit(degrees, 0.975) for variance, degrees in parts)
    return centre - quantile * math.sqrt(total), centre + quantile * math.sqrt(total)


def percentile_bootstrap(random, difference_of_groups, resamples: int = 400) -> tuple[float, float]:
    """Percentiles of differences in which seeds and groups of images are drawn again.

    Args:
        difference_of_groups: Linearised contributions of seeds and groups, shape (seeds, groups).
    """
    seeds, groups = difference_of_groups.shape
    seed_weights = random.multinomial(seeds, np.full(seeds, 1 / seeds), resamples) / seeds
    group_weights = random.multinomial(groups, np.full(groups, 1 / groups), resamples) / groups
    drawn = np.einsum("rs,sg,rg->r", seed_weights, difference_of_groups, group_weights, optimize=True)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def difference_coverage(
    seeds: int, noise, shares, simulations: int, seed: int = 0, others: bool = True
) -> dict[str, Coverage]:
    """Coverage of the intervals of a difference of two equal rows, for other trainings and images.

    Args:
        shares: Of the noise of trainings, for both rows.
        others: Also what is not used: other quantiles, and the bootstrap.
    """
    random = np.random.default_rng(seed)
    rows = [miou_samples(random, simulations, seeds, noise, share) for share in shares]
    pairs = [SeedPair(number) for number in range(seeds)]
    found: dict[str, Coverage] = defaultdict(Coverage)
    for index in range(simulations):
        samples = []
        for miou, without in rows:
            values = dict(zip(pairs, miou[index].tolist(), strict=True))
            samples.append(Sample(values, dict(zip(pairs, without[index], strict=True))))
        difference = paired_difference(*samples)
        found["trainings and images (used)"].add(difference.estimate.ci95, 0.0)
        if not others:
            continue
        single = list(difference.single.values())
        found["trainings alone, paired t"].add(t_interval(single), 0.0)
        parts = [VariancePart(difference.training_error**2, seeds - 1)]
        parts.append(VariancePart(difference.image_error**2, GROUPS - 1))
        centre = difference.estimate.mean
        found["Welch-Satterthwaite"].add(welch_satterthwaite(centre, parts), 0.0)
        found["Cochran-Cox"].add(cochran_cox(centre, parts), 0.0)
        both = rows[0][1][index] - rows[1][1][index]
        contributions = np.array(single)[:, None] * GROUPS - (GROUPS - 1) * both
        found["hierarchical percentile bootstrap"].add(percentile_bootstrap(random, contributions), 0.0)
    return found


# all pairs of a board

BOARDS = {
    "equal": (2.0,) * 12,
    "one row of 9, others 1": (9.0,) + (1.0,) * 11,
    "as on streets": (3.5, 0.1, 1.2, 2.2, 1.7, 3.3, 0.7, 0.6, 1.5, 1.0, 2.0, 1.5),
}
"""Standard deviations over seeds of the rows of a board, in points."""


def moderated(variances: np.ndarray, freedom: int) -> tuple[np.ndarray, float]:
    """Variances drawn towards a common one, and the degrees of freedom that this adds (empirical Bayes).

    Source: Smyth 2004, Linear models and empirical Bayes methods, Statistical Applications in Genetics and Molecular
    Biology 3(1), section 6.2.
    """
    logs = np.log(variances) - special.digamma(freedom / 2) + math.log(freedom / 2)
    excess = logs.var(ddof=1) - special.polygamma(1, freedom / 2)
    if excess <= 0:
        return np.full_like(variances, math.exp(logs.mean())), math.inf
    added = 2 * inverse_trigamma(excess)
    prior = math.exp(logs.mean() + special.digamma(added / 2) - math.log(added / 2))
    return (added * prior + freedom * variances) / (added + freedom), added


def inverse_trigamma(value: float) -> float:
    """Where the trigamma function, which falls, has a value: Newton's method of Smyth 2004, appendix."""
    guess = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(special.polygamma(1, guess))
        step = trigamma * (1 - trigamma / value) / float(special.polygamma(2, guess))
        guess += step
        if -step / guess < 1e-8:
            break
    return guess


@dataclass
class BoardErrors:
    """Errors of all pairwise tests of boards whose rows are equal in truth.

    Attributes:
        family_wise: Share of boards in which Holm's correction leaves any pair significant.
        coverage: Of the uncorrected intervals of all pairs.
        first_row: The same of the pairs with the first row, which is the most variable one.
    """

    family_wise: float
    coverage: float
    first_row: float


def board_errors(seeds: int, spreads, method: Callable, simulations: int, seed: int = 0) -> BoardErrors:
    """What a method of testing all pairs does to boards without any difference."""
    random = np.random.default_rng(seed)
    first, second = np.triu_indices(len(spreads), 1)
    deviations = correlated(random, spreads, simulations, seeds)
    any_rejected, kept = 0, np.zeros(len(first))
    for rows in deviations:
        p_values = np.array(method(random, rows[first] - rows[second]))
        kept += p_values > LEVEL
        adjusted = holm(dict(enumerate(p_values.tolist())))
        any_rejected += min(adjusted.values()) <= LEVEL
    kept /= simulations
    return BoardErrors(any_rejected / simulations, float(kept.mean()), float(kept[first == 0].mean()))


def plain_p_values(random, differences) -> list[float]:
    """P-values of paired t-tests."""
    seeds = differences.shape[1]
    variances = differences.var(axis=1, ddof=1) / seeds
    means = differences.mean(axis=1).tolist()
    return [p_value(mean, [VariancePart(one, seeds - 1)]) for mean, one in zip(means, variances.tolist(), strict=True)]


def moderated_p_values(random, differences) -> np.ndarray:
    """P-values with moderated variances."""
    seeds = differences.shape[1]
    variances, added = moderated(differences.var(axis=1, ddof=1), seeds - 1)
    ratios = np.abs(differences.mean(axis=1)) / np.sqrt(variances / seeds)
    freedom = seeds - 1 + added
    tail = special.ndtr(-ratios) if math.isinf(freedom) else special.stdtr(freedom, -ratios)
    return 2 * tail


def p_values_with_images(random, differences, noise_of_images: float = 0.5) -> list[float]:
    """P-values for other trainings and images.

    Args:
        noise_of_images: Standard deviation that the choice of images gives the mean over them.
    """
    seeds = differences.shape[1]
    found = []
    for difference in differences:
        images = random.normal(0, noise_of_images * math.sqrt(GROUPS), GROUPS)
        noise = images + random.normal(0, 2.0, (seeds, GROUPS))
        table = difference[:, None] + noise
        without = (table.sum(axis=1, keepdims=True) - table) / (GROUPS - 1)
        by_seed = table.mean(axis=1)
        parts = [VariancePart(float(by_seed.var(ddof=1)) / seeds, seeds - 1), image_part(without)]
        found.append(p_value(float(by_seed.mean()), parts))
    return found


METHODS = {
    "paired t (used without counts of images)": plain_p_values,
    "trainings and images (used)": p_values_with_images,
    "moderated variances": moderated_p_values,
}


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("seeds", SEEDS)
def test_intervals_of_means_and_of_large_gaps_cover_95_percent(seeds, spread):
    found = gap_coverage(seeds, GAPS["large"], SPREADS[spread], 4000)
    assert 0.94 <= found["mean, t"].rate <= 0.96
    assert 0.94 <= found["ratio of means, Fieller (used)"].rate <= 0.96


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("seeds", SEEDS)
def test_no_more_than_5_percent_of_the_shares_of_small_gaps_are_shown_with_a_wrong_interval(seeds, spread):
    found = gap_coverage(seeds, GAPS["small"], SPREADS[spread], 4000)["ratio of means, Fieller (used)"]
    assert found.wrong <= 0.06


def test_a_ratio_of_means_has_less_bias_than_a_mean_of_ratios():
    before, now = gap_bias(5, GAPS["small"], SPREADS["unequal"], 20_000)
    assert abs(now) < 0.01
    assert abs(before) > 5 * abs(now)


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("seeds", [3, 5])
def test_intervals_for_other_trainings_and_images_cover_95_percent(seeds, noise):
    found = difference_coverage(seeds, NOISES[noise], (1.0, 1.0), 4000, others=False)
    assert 0.94 <= found["trainings and images (used)"].rate <= 0.96


def test_an_interval_over_trainings_alone_is_too_narrow_where_images_are_noisy():
    found = difference_coverage(5, NOISES["images"], (1.0, 1.0), 500)
    assert found["trainings alone, paired t"].rate < 0.75
    assert found["hierarchical percentile bootstrap"].rate < found["trainings and images (used)"].rate


@pytest.mark.parametrize("noise_of_images", [0.5, 1.5])
def test_p_values_hold_far_below_5_percent_where_images_add_noise(noise_of_images):
    seeds, simulations, level = 3, 8000, 0.01
    random = np.random.default_rng(0)
    differences = random.normal(0, 2.0, (simulations, seeds))
    rejected = np.array(p_values_with_images(random, differences, noise_of_images)) < level
    assert rejected.mean() <= 1.2 * level


@pytest.mark.parametrize("board", BOARDS)
def test_equal_rows_are_told_apart_on_no_more_than_5_percent_of_boards(board):
    assert board_errors(3, BOARDS[board], plain_p_values, 1500).family_wise <= 0.06


def test_moderated_variances_break_their_promise_where_rows_differ_in_spread():
    unequal = board_errors(3, BOARDS["one row of 9, others 1"], moderated_p_values, 500)
    assert unequal.first_row < 0.85
    assert 0.94 <= board_errors(3, BOARDS["equal"], moderated_p_values, 1500).coverage <= 0.96


def test_moderation_finds_the_prior_that_variances_were_drawn_from():
    random = np.random.default_rng(0)
    true_variances = 6 * 2.0 / random.chisquare(6, 200_000)
    observed = true_variances * random.chisquare(2, 200_000) / 2
    _, added = moderated(observed, 2)
    assert added == pytest.approx(6, rel=0.05)


# as a program


def tables(seeds: tuple[int, ...], gaps, spreads, simulations: int) -> Iterator[str]:
    """All tables, as markdown."""
    yield "| gap | spread of rows | seeds | interval | coverage where shown | shown | shown and wrong | mean width |"
    yield "| --- | --- | ---: | --- | ---: | ---: | ---: | ---: |"
    for gap in gaps:
        for spread in spreads:
            for n in seeds:
                for name, one in gap_coverage(n, GAPS[gap], SPREADS[spread], simulations).items():
                    width = f"{one.mean_width:.2f}" + (" points" if name == "mean, t" else "")
                    cells = f"{one.rate:.3f} | {one.shown / one.simulations:.3f} | {one.wrong:.3f} | {width}"
                    yield f"| {gap} | {spread} | {n} | {name} | {cells} |"
    yield ""
    yield "| gap | spread of rows | seeds | median error of the mean of ratios | of the ratio of means |"
    yield "| --- | --- | ---: | ---: | ---: |"
    for gap in gaps:
        for spread in spreads:
            for n in seeds:
                before, now = gap_bias(n, GAPS[gap], SPREADS[spread], 10 * simulations)
                yield f"| {gap} | {spread} | {n} | {before:+.3f} | {now:+.3f} |"
    yield ""
    yield "| noise | spread of rows | seeds | interval | coverage | mean width, points |"
    yield "| --- | --- | ---: | --- | ---: | ---: |"
    for noise, points in NOISES.items():
        for spread in spreads:
            shares = (1.0, 1.0) if spread == "equal" else (1.4, 0.2)
            for n in seeds:
                for name, one in difference_coverage(n, points, shares, simulations).items():
                    yield f"| {noise} | {spread} | {n} | {name} | {one.rate:.3f} | {100 * one.mean_width:.2f} |"
    yield ""
    yield "| spread of rows | seeds | tests | any pair told apart | coverage, all pairs | pairs with the first row |"
    yield "| --- | ---: | --- | ---: | ---: | ---: |"
    for board, points in BOARDS.items():
        for n in seeds:
            for name, method in METHODS.items():
                boards = max(200, simulations // 8) if method is p_values_with_images else simulations
                found = board_errors(n, points, method, boards)
                cells = f"{found.family_wise:.3f} | {found.coverage:.3f} | {found.first_row:.3f}"
                yield f"| {board} | {n} | {name} | {cells} |"


def main() -> None:
    parser = argparse.ArgumentParser(description="Print how often the intervals of leaderboards cover the truth.")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--gaps", nargs="+", choices=GAPS, default=list(GAPS))
    parser.add_argument("--spreads", nargs="+", choices=SPREADS, default=list(SPREADS))
    parser.add_argument("--simulations", type=int, default=10_000)
    arguments = parser.parse_args()
    for line in tables(tuple(arguments.seeds), arguments.gaps, arguments.spreads, arguments.simulations):
        print(line, flush=True)


if __name__ == "__main__":
    main()
