"""Rows compared across boards: mean ranks, whether they differ at all, by how much they must to be told apart."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from benchmark.results.agreement import Agreement, Interaction, agreements, interactions
from benchmark.results.board import Board
from benchmark.results.multiple import LEVEL, is_significant
from benchmark.results.places import comparable_rows, pairwise_comparisons
from benchmark.results.record_fields import RANKED_BY
from benchmark.results.seed_pairs import mean

Scores = Mapping[str, Mapping[str, float]]
"""Numbers by board and row."""


@dataclass(frozen=True)
class Standing:
    """A row over all boards.

    Attributes:
        name: Of the translator.
        mean_rank: Over boards; 1 is best, equal values share the mean of their ranks.
        ranks: By board.
        wins, ties, losses: Comparisons with the other rows, on each board, in which it is significantly better, cannot
            be told apart, or is significantly worse.
    """

    name: str
    mean_rank: float
    ranks: Mapping[str, float]
    wins: int
    ties: int
    losses: int


@dataclass(frozen=True)
class Across:
    """The rows that all of some boards have.

    Attributes:
        boards: Their names, scenario and segmenter.
        scenarios: How many scenarios they are of.
        standings: From the best mean rank to the worst.
        friedman_p: Of the hypothesis that all rows are equal; None for fewer than three rows or two boards.
        critical_difference: Of mean ranks, from which on two rows are told apart (Nemenyi); None likewise.
        lacking: Rows that are left out, each with the boards that do not have it.
        agreements: Rank correlation of each pair of boards, over the rows that these two have.
        interactions: For each scenario with several segmenters, how far the differences of its rows depend on them.
    """

    boards: tuple[str, ...]
    scenarios: int
    standings: tuple[Standing, ...]
    friedman_p: float | None
    critical_difference: float | None
    lacking: Mapping[str, tuple[str, ...]]
    agreements: tuple[Agreement, ...]
    interactions: tuple[Interaction, ...]

    def groups(self) -> list[tuple[int, int]]:
        """First and last position of each largest group of rows that cannot be told apart."""
        if self.critical_difference is None:
            return []
        return alike_groups([one.mean_rank for one in self.standings], self.critical_difference)


def across_boards(boards: Sequence[Board]) -> Across:
    """Compare the rows that all boards have, each segmenter of a scenario being a board of its own.

    Rows that are trained on target labels are left out, as they win wherever they stand. A board decides with its own
    tests who wins on it.

    Source: Demsar 2006, Statistical comparisons of classifiers over multiple data sets, JMLR 7, section 3.2.
    """
    scores: dict[str, dict[str, float]] = {}
    outcomes: dict[str, dict[tuple[str, str], int]] = {}
    scenarios = set()
    for board in boards:
        found = _scores_by_segmenter(board)
        decided = _decided_pairs(board)
        scenarios |= {board.scenario} if found else set()
        for segmenter, values in found.items():
            name = f"{board.scenario} x {segmenter}"
            scores[name] = values
            outcomes[name] = decided.get(segmenter, {})
    every = dict.fromkeys(name for values in scores.values() for name in values)
    lacking = {name: tuple(board for board, values in scores.items() if name not in values) for name in every}
    names = [name for name, without in lacking.items() if not without]
    ranks = {board: mean_ranks({name: values[name] for name in names}) for board, values in scores.items()}
    standings = [_standing(name, names, ranks, outcomes) for name in names]
    testable = len(names) > 2 and len(scores) > 1
    return Across(
        boards=tuple(scores),
        scenarios=len(scenarios),
        standings=tuple(sorted(standings, key=lambda one: (one.mean_rank, one.name))),
        friedman_p=friedman_p([one.mean_rank for one in standings], len(scores)) if testable else None,
        critical_difference=critical_difference(len(names), len(scores)) if testable else None,
        lacking={name: without for name, without in lacking.items() if without},
        agreements=tuple(agreements(scores)),
        interactions=tuple(interactions(boards)),
    )


def _scores_by_segmenter(board: Board) -> dict[str, dict[str, float]]:
    """The ranking value of each row but ceilings, by segmenter and name."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for row in board.rows:
        value = row.metrics[RANKED_BY].mean
        if row.role != "ceiling" and value is not None:
            found[row.segmenter][row.name_on_board] = value
    return dict(found)


def _decided_pairs(board: Board) -> dict[str, dict[tuple[str, str], int]]:
    """By segmenter, the pairs of rows that the board tells apart: 1 where the first is better, -1 where it is worse."""
    rows = comparable_rows(board.rows)
    found: dict[str, dict[tuple[str, str], int]] = defaultdict(dict)
    for (one, other), comparison in pairwise_comparisons(rows).items():
        ours, theirs = rows[one], rows[other]
        if is_significant(comparison.p_adjusted) and ours.segmenter == theirs.segmenter:
            sign = 1 if (comparison.difference.estimate.mean or 0.0) > 0 else -1
            found[ours.segmenter][ours.name_on_board, theirs.name_on_board] = sign
            found[ours.segmenter][theirs.name_on_board, ours.name_on_board] = -sign
    return dict(found)


def _standing(
    name: str, names: Sequence[str], ranks: Scores, outcomes: Mapping[str, Mapping[tuple[str, str], int]]
) -> Standing:
    own = {board: values[name] for board, values in ranks.items()}
    results = []
    for decided in outcomes.values():
        results += [decided.get((name, other), 0) for other in names if other != name]
    return Standing(name, mean(list(own.values())), own, results.count(1), results.count(0), results.count(-1))


def mean_ranks(values: Mapping[str, float]) -> dict[str, float]:
    """Ranks of values from 1 for the highest; equal ones share the mean of theirs."""
    found = {}
    for name, value in values.items():
        above = sum(other > value for other in values.values())
        equal = sum(other == value for other in values.values())
        found[name] = above + (equal + 1) / 2
    return found


def friedman_p(ranks: Sequence[float], boards: int) -> float:
    """P-value of the hypothesis that all rows are equal; never below that of boards which all have one order.

    Args:
        ranks: Mean rank of each row; at least two.
        boards: Over how many boards they are, at least two.

    Source: Iman & Davenport 1980, as in Demsar 2006, section 3.2.2: F from the statistic of Friedman 1937.
    """
    from scipy.special import fdtrc

    rows = len(ranks)
    # that all boards have one order is the strongest evidence there is, and this is how likely it is by chance
    smallest = float(math.factorial(rows)) ** (1 - boards)
    squares = math.fsum(rank**2 for rank in ranks)
    chi_square = 12 * boards / (rows * (rows + 1)) * (squares - rows * (rows + 1) ** 2 / 4)
    left = boards * (rows - 1) - chi_square
    if left <= 1e-9 * boards * rows:  # all boards have the same order
        return smallest
    f = (boards - 1) * chi_square / left
    return max(smallest, float(fdtrc(rows - 1, (rows - 1) * (boards - 1), max(0.0, f))))


def critical_difference(rows: int, boards: int) -> float:
    """Difference of mean ranks from which on two of all rows differ significantly, at 5 % for all pairs together.

    Source: Nemenyi 1963, as in Demsar 2006, section 3.2.2.
    """
    from scipy.stats import studentized_range

    quantile = float(studentized_range.ppf(1 - LEVEL, rows, math.inf)) / math.sqrt(2)
    return quantile * math.sqrt(rows * (rows + 1) / (6 * boards))


def alike_groups(ranks: Sequence[float], critical: float) -> list[tuple[int, int]]:
    """First and last position of each largest group of rising mean ranks within a critical difference."""
    groups: list[tuple[int, int]] = []
    for first, last in combinations(range(len(ranks)), 2):
        alike = ranks[last] - ranks[first] < critical
        ends_here = last + 1 == len(ranks) or ranks[last + 1] - ranks[first] >= critical
        inside_another = any(start <= first and last <= end for start, end in groups)
        if alike and ends_here and not inside_another:
            groups.append((first, last))
    return groups
