"""Do measures that need no target labels predict which translator helps: rank agreement with the true gain."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.errors import DataError
from benchmark.plan.stage_kinds import FIT_TRANSLATOR, PREDICT
from benchmark.results.board import Record
from benchmark.results.record_fields import RANKED_BY, family_of, role_of, seed_pair
from benchmark.results.records import DONE
from benchmark.results.seed_pairs import mean
from benchmark.store.predictions import read_predictions
from benchmark.store.store import Store

RESAMPLES = 2000
CONFIDENCE = 0.95
AGREEMENT = "agreement"


@dataclass(frozen=True)
class Measure:
    """A number of a cell that may predict its gain.

    Attributes:
        name: In tables and JSON.
        meaning: One line.
        higher_is_better: Whether a higher one promises a higher mIoU.
        read: The number of a record, or None.
        needs_target_labels: Whether it takes labels of target images: a yardstick for those that take none.
    """

    name: str
    meaning: str
    higher_is_better: bool
    read: Callable[[Record], float | None]
    needs_target_labels: bool = False


def _metric(name: str) -> Callable[[Record], float | None]:
    return lambda record: record["metrics"].get(name)


def _entropy(record: Record) -> float | None:
    facts: Mapping[str, Any] = record["stages"].get(PREDICT, {}).get("facts", {})
    return facts.get("mean_entropy")


def _discriminator_accuracy(record: Record) -> float | None:
    """Mean over the discriminators of a translator, at the end of its training."""
    scalars = record["stages"].get(FIT_TRANSLATOR, {}).get("last_scalars", {})
    shares = [value for name, value in scalars.items() if name.startswith("accuracy")]
    return mean(shares) if shares else None


MEASURES = (
    Measure("kid", "distance of Inception features, unbiased", False, _metric("kid")),
    Measure("fid", "distance of Inception features", False, _metric("fid")),
    Measure("ssim", "structure that source and translation share", True, _metric("ssim")),
    Measure("cycle_error", "what is lost on the way there and back", False, _metric("cycle_error")),
    Measure("source_flip_rate", "flips read by a segmenter of the source", False, _metric("source_flip_rate")),
    Measure("miou_source", "mIoU on held-out translated source images", True, _metric("miou_source")),
    Measure("mean_entropy", "entropy of the predictions on target images", False, _entropy),
    Measure(AGREEMENT, "agreement with the other segmenters on target images", True, _metric(AGREEMENT)),
    Measure("discriminator_accuracy", "share its discriminators get right at the end", False, _discriminator_accuracy),
    Measure("flip_rate", "flips read by a segmenter of the target", False, _metric("flip_rate"), True),
    Measure("fcn_score_miou", "mIoU of that segmenter on translations", True, _metric("fcn_score_miou"), True),
)
"""All measures of `bench validity`."""


@dataclass(frozen=True)
class Point:
    """One row of a board: what was measured, and what it gained.

    Attributes:
        board: What it may be compared within: scenario, segmenter or family of segmenters, and protocol.
        translator: Its alias.
        gain: mIoU minus that of source-only, mean over the seeds that both have.
        measures: Means over the same seeds, by name; those that were not measured are left out.
        segmenter: Its alias.
    """

    board: tuple[str, ...]
    translator: str
    gain: float
    measures: Mapping[str, float]
    segmenter: str = ""


@dataclass(frozen=True)
class Validity:
    """How well a measure orders translators.

    Attributes:
        measure: Which one.
        tau: Kendall's rank correlation with the gain, over all pairs of rows within boards: 1 where every pair
            is in the order that the measure promises, -1 where none is. None where there is no pair.
        interval: Its 95 % interval for other translators; None where there are too few.
        pairs, boards, translators: What it is over.
        regret: mIoU lost by choosing the row that the measure likes best among those it was measured of, mean over
            boards.
        chance_regret: What choosing any of them loses.
    """

    measure: Measure
    tau: float | None
    interval: tuple[float, float] | None
    pairs: int
    boards: int
    translators: int
    regret: float | None
    chance_regret: float | None


def points(records: Iterable[Record], *, every_row: bool = False) -> list[Point]:
    """The rows of all boards that measures are to order; rows without source-only have no gain.

    Args:
        records: Cells, of any number of boards, with agreements where they are known (`with_agreements`).
        every_row: All rows of a family of segmenters but the ceilings, as for a choice among all that was trained;
            otherwise the translators of each segmenter.
    """
    boards: dict[tuple[str, ...], dict[tuple[str, str], dict[Any, Record]]] = defaultdict(lambda: defaultdict(dict))
    for record in records:
        if record["status"] == DONE and math.isfinite(record["metrics"].get(RANKED_BY, math.nan)):
            segmenter = record["segmenter"]
            board = _board_of(record, family_of(record) if every_row else segmenter)
            boards[board][record["translator"], segmenter][seed_pair(record)] = record
    found = []
    for board, rows in boards.items():
        floor = _floor(rows)
        for (translator, segmenter), cells in rows.items():
            role = role_of(next(iter(cells.values())))
            if floor is not None and (not role or (every_row and role != "ceiling")):
                point = _point(board, translator, segmenter, cells, floor)
                found += [point] if point is not None else []
    return found


def _floor(rows: Mapping[tuple[str, str], Mapping[Any, Record]]) -> Mapping[Any, Record] | None:
    """The cells of source-only; of several segmenters, of the one that the family is named after, or else the first."""
    floors = [cells for _, cells in sorted(rows.items()) if role_of(next(iter(cells.values()))) == "floor"]

    def is_another(cells: Mapping[Any, Record]) -> bool:
        first = next(iter(cells.values()))
        return family_of(first) != str(first["segmenter"])

    return min(floors, key=is_another, default=None)


def _board_of(record: Record, segmenters: str) -> tuple[str, ...]:
    data = record.get("data") or {}
    budget = record["budget"]
    protocol = (record["checkpoint"], budget["name"], str(budget.get("digest")), str(sorted(data.items())))
    return (record["scenario"], segmenters, *protocol)


def _point(
    board: tuple[str, ...],
    translator: str,
    segmenter: str,
    cells: Mapping[Any, Record],
    floor: Mapping[Any, Record],
) -> Point | None:
    common = sorted(set(cells) & set(floor))
    if not common:
        return None
    gains = [cells[pair]["metrics"][RANKED_BY] - floor[pair]["metrics"][RANKED_BY] for pair in common]
    measured = {}
    for measure in MEASURES:
        numbers = [measure.read(cells[pair]) for pair in common]
        known = [number for number in numbers if number is not None and math.isfinite(number)]
        if len(known) == len(common):
            measured[measure.name] = mean(known)
    return Point(board, translator, mean(gains), measured, segmenter)


def validities(found: Sequence[Point]) -> list[Validity]:
    """All measures, the best one first, those that need target labels last."""
    every = [_validity(measure, found) for measure in MEASURES]
    return sorted(every, key=lambda one: (one.measure.needs_target_labels, one.tau is None, -(one.tau or 0)))


def _validity(measure: Measure, found: Sequence[Point]) -> Validity:
    measured = [point for point in found if measure.name in point.measures]
    translators = sorted({point.translator for point in measured})
    pairs = _ordered_pairs(measure, measured)
    boards = {pair.one.board for pair in pairs}
    regrets = [_regret(measure, [point for point in measured if point.board == board]) for board in sorted(boards)]
    return Validity(
        measure,
        mean([pair.order for pair in pairs]) if pairs else None,
        _bootstrap_interval(pairs, translators),
        len(pairs),
        len(boards),
        len(translators),
        mean([chosen for chosen, _ in regrets]) if regrets else None,
        mean([chance for _, chance in regrets]) if regrets else None,
    )


@dataclass(frozen=True)
class Pair:
    """Two rows of a board.

    Attributes:
        one, other: They.
        order: 1 where the measure orders them as the gains do, -1 where not, 0 where either has them equal.
    """

    one: Point
    other: Point
    order: float


def _ordered_pairs(measure: Measure, measured: Sequence[Point]) -> list[Pair]:
    """All pairs of rows within boards."""
    by_board: dict[tuple[str, ...], list[Point]] = defaultdict(list)
    for point in measured:
        by_board[point.board].append(point)
    sign = 1 if measure.higher_is_better else -1
    pairs = []
    for points_of_board in by_board.values():
        for one, other in combinations(points_of_board, 2):
            difference = sign * (one.measures[measure.name] - other.measures[measure.name])
            pairs.append(Pair(one, other, float(np.sign(difference) * np.sign(one.gain - other.gain))))
    return pairs


def _bootstrap_interval(pairs: Sequence[Pair], translators: Sequence[str]) -> tuple[float, float] | None:
    """Percentile interval over translators, which are drawn with all their boards: their boards are not independent.

    Source: Field and Welsh 2007, Bootstrapping clustered data, JRSS B 69(3).
    """
    if len(translators) < 4:
        return None
    random = np.random.default_rng(0)
    numbers = {name: number for number, name in enumerate(translators)}
    first = np.array([numbers[pair.one.translator] for pair in pairs])
    second = np.array([numbers[pair.other.translator] for pair in pairs])
    orders = np.array([pair.order for pair in pairs])
    draws = random.multinomial(len(translators), np.full(len(translators), 1 / len(translators)), size=RESAMPLES)
    # rows of one translator with two segmenters are drawn with it
    weights = draws[:, first] * np.where(first == second, 1, draws[:, second])
    usable = weights.sum(axis=1) > 0
    taus = (weights @ orders)[usable] / weights.sum(axis=1)[usable]
    low, high = np.quantile(taus, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _regret(measure: Measure, measured: Sequence[Point]) -> tuple[float, float]:
    """mIoU lost on one board by choosing by the measure, and by choosing at random."""
    sign = 1 if measure.higher_is_better else -1
    best = max(point.gain for point in measured)
    chosen = max(measured, key=lambda point: sign * point.measures[measure.name])
    return best - chosen.gain, best - mean([point.gain for point in measured])


def with_agreements(records: Sequence[Record], results: Path) -> list[Record]:
    """The records of a results folder with the metric `agreement`.

    It is the share of target pixels that a cell's segmenter labels as the other segmenters of its translator and seed
    do, mean over these. Cells without others, or whose stored predictions are gone, are left as they are.
    """
    store = Store(results)
    groups: dict[tuple[str, ...], dict[str, Any]] = defaultdict(dict)
    for record in records:
        key = record["stages"].get(PREDICT, {}).get("key")
        if record["status"] != DONE or key is None:
            continue
        try:
            maps = read_predictions(store.stage(PREDICT, key).path).maps
        except DataError:
            continue
        scenario, _, *protocol = _board_of(record, "")
        groups[(scenario, record["translator"], str(record["seed"]), *protocol)][record["cell"]] = maps
    agreements: dict[str, float] = {}
    for cells in groups.values():
        for name, maps in cells.items():
            others = [float((maps == other).mean()) for other_name, other in cells.items() if other_name != name]
            agreements |= {name: mean(others)} if others else {}
    return [_with_metric(record, AGREEMENT, agreements.get(record["cell"])) for record in records]


def _with_metric(record: Record, name: str, value: float | None) -> Record:
    return record if value is None else {**record, "metrics": {**record["metrics"], name: value}}
