"""Whether boards put rows into one order: rank correlations, and what segmenters change in the differences of rows."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.results.board import Board, Row
from benchmark.results.seed_pairs import SeedPair, means_by_seed, values_by_seed
from benchmark.results.statistics import sample_variance

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """The order of rows on two boards.

    Attributes:
        one, other: The boards, as scenario and segmenter.
        rows: How many rows both have.
        tau: Kendall's tau-b of their values: 1 for one order, -1 for opposite ones; None where all values are equal.
    """

    one: str
    other: str
    rows: int
    tau: float | None


@dataclass(frozen=True)
class Interaction:
    """How far the differences between the rows of a scenario depend on the segmenter.

    Attributes:
        scenario: Its name.
        segmenters: Those that are compared.
        rows: How many rows all of them have.
        seeds: Translator seeds that all these cells have.
        row_sd: Standard deviation between rows of their means over segmenters.
        interaction_sd: Standard deviation of what a segmenter adds to a row beyond its mean effect on all rows, with
            the noise of trainings subtracted; None where that is not known.
        noise_sd: Of one training; None where nothing says how large it is.
        p: Of the hypothesis that there is no interaction (F test); None likewise.
    """

    scenario: str
    segmenters: tuple[str, ...]
    rows: int
    seeds: int
    row_sd: float
    interaction_sd: float | None
    noise_sd: float | None
    p: float | None


def agreements(scores: Mapping[str, Mapping[str, float]]) -> list[Agreement]:
    """Rank correlations of all pairs of boards that have three or more rows in common.

    Args:
        scores: Values of rows by board and by name.

    Source: Kendall 1945, The treatment of ties in ranking problems, Biometrika 33.
    """
    from scipy.stats import kendalltau

    found = []
    for one, other in combinations(scores, 2):
        names = [name for name in scores[one] if name in scores[other]]
        if len(names) > 2:
            tau = float(kendalltau([scores[one][name] for name in names], [scores[other][name] for name in names])[0])
            found.append(Agreement(one, other, len(names), None if math.isnan(tau) else tau))
    return found


def interactions(boards: Iterable[Board]) -> list[Interaction]:
    """One for each scenario under each protocol whose rows have two segmenters or more, ceilings left out."""
    rows: dict[tuple[Any, ...], dict[str, dict[str, Row]]] = defaultdict(lambda: defaultdict(dict))
    for board in boards:
        for row in board.rows:
            if row.role != "ceiling" and row.scores:
                rows[board.protocol][row.segmenter][row.name_on_board] = row
    found = (_interaction(scenario, by_segmenter) for (scenario, *_), by_segmenter in rows.items())
    return [one for one in found if one is not None]


def _interaction(scenario: str, rows: Mapping[str, Mapping[str, Row]]) -> Interaction | None:
    """Analysis of variance of rows by segmenters, over the translator seeds that all cells have.

    Seeds are nested in rows, and segmenters are crossed with both: the noise that an interaction is held against is
    that between seeds in what a segmenter adds. Of one seed, it is taken from rows that have more trainings.

    Source: Montgomery, Design and Analysis of Experiments, chapter 14 (split-plot designs).
    """
    segmenters = list(rows)
    names = [name for name in next(iter(rows.values())) if all(name in found for found in rows.values())]
    if len(segmenters) < 2 or len(names) < 2:
        return None
    table = [[means_by_seed(rows[segmenter][name].scores) for segmenter in segmenters] for name in names]
    seeds = sorted(set.intersection(*(set(cell) for cells in table for cell in cells)))
    if not seeds:
        return None
    values = np.array([[[cell[seed] for seed in seeds] for cell in cells] for cells in table])
    squares, freedom = interaction_squares(values.mean(axis=2))
    noise = seed_noise(values) if len(seeds) > 1 else _noise_of_others(rows.values())
    per_training, interaction_sd, p = None, None, None
    if noise is not None and noise[0] > 0:
        from scipy.special import fdtrc

        per_training = noise[0]
        expected = per_training / len(seeds)
        interaction_sd = math.sqrt(max(0.0, squares / freedom - expected))
        p = float(fdtrc(freedom, noise[1], squares / freedom / expected))
    return Interaction(
        scenario=scenario,
        segmenters=tuple(segmenters),
        rows=len(names),
        seeds=len(seeds),
        row_sd=float(values.mean(axis=(1, 2)).std(ddof=1)),
        interaction_sd=interaction_sd,
        noise_sd=None if per_training is None else math.sqrt(per_training),
        p=p,
    )


def interaction_squares(table: Array) -> tuple[float, int]:
    """Sum of squares of what the sums of row and column effects leave of a table, and its degrees of freedom.

    Args:
        table: Means of cells, shape (rows, segmenters).
    """
    left = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
    return float((left**2).sum()), (table.shape[0] - 1) * (table.shape[1] - 1)


def seed_noise(values: Array) -> tuple[float, int]:
    """Variance between seeds of what a segmenter adds to a row, and its degrees of freedom.

    Args:
        values: Of cells, shape (rows, segmenters, seeds), with two seeds or more.
    """
    rows, segmenters, seeds = values.shape
    of_seeds = values - values.mean(axis=1, keepdims=True)
    left = of_seeds - of_seeds.mean(axis=2, keepdims=True)
    freedom = rows * (segmenters - 1) * (seeds - 1)
    return float((left**2).sum()) / freedom, freedom


def _noise_of_others(rows: Iterable[Mapping[str, Row]]) -> tuple[float, int] | None:
    """Variance of a training, from rows with several: of segmenters on the same translations, or else of all seeds.

    The second holds the noise of translators too, which all segmenters of a translation share, so that an interaction
    is found less often than it could be.
    """
    scores = [row.scores for found in rows for row in found.values()]
    groups = [group for one in scores for group in values_by_seed(one).values() if len(group) > 1]
    return _pooled(groups) or _pooled([_first_of_seeds(one) for one in scores if len(means_by_seed(one)) > 1])


def _first_of_seeds(scores: Mapping[SeedPair, float]) -> list[float]:
    return [found[0] for found in values_by_seed(scores).values()]


def _pooled(groups: Sequence[Sequence[float]]) -> tuple[float, int] | None:
    freedom = sum(len(group) - 1 for group in groups)
    if not freedom:
        return None
    squares = [sample_variance(group) * (len(group) - 1) for group in groups]
    return math.fsum(squares) / freedom, freedom
