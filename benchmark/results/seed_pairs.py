"""Seeds of a nested sample: several segmenters are trained on the translations of one translator."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple


class SeedPair(NamedTuple):
    """The seeds of one cell of a row.

    Attributes:
        seed: Of the translator, and of all that is trained for it.
        segmenter_seed: Number of the segmenter among those trained on the translations of this seed.
    """

    seed: int
    segmenter_seed: int = 0

    @property
    def label(self) -> str:
        """The translator's seed, and after a point the segmenter's where it is not the first.

        >>> SeedPair(2).label, SeedPair(2, 1).label
        ('2', '2.1')
        """
        return f"{self.seed}.{self.segmenter_seed}" if self.segmenter_seed else str(self.seed)


def values_by_seed(values: Mapping[SeedPair, float]) -> dict[int, list[float]]:
    """Values grouped by the seed of the translator, in the order of seeds."""
    grouped: dict[int, list[float]] = defaultdict(list)
    for pair in sorted(values):
        grouped[pair.seed].append(values[pair])
    return dict(grouped)


def means_by_seed(values: Mapping[SeedPair, float]) -> dict[int, float]:
    """Mean over the segmenters of each translator seed."""
    return {seed: mean(found) for seed, found in values_by_seed(values).items()}


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean; it does not depend on the order of the values, as `fsum` rounds once."""
    return math.fsum(values) / len(values)


def labels(pairs: Iterable[SeedPair]) -> str:
    """Labels of some pairs in their order, joined by commas."""
    return ", ".join(pair.label for pair in sorted(pairs))


def lacking_seeds(rows: Mapping[str, Collection[SeedPair]]) -> str:
    """Which seeds a comparison of some rows leaves out because one of them lacks them; empty where none does.

    >>> lacking_seeds({"cut": [SeedPair(0)], "oracle": [SeedPair(0), SeedPair(1)]})
    'over seed 0 alone: cut lacks 1'
    """
    every: set[SeedPair] = set().union(*rows.values())
    common = every.intersection(*rows.values())
    if common == every:
        return ""
    lacks = [f"{name} lacks {labels(every - set(pairs))}" for name, pairs in rows.items() if every - set(pairs)]
    return f"over seed {labels(common)} alone: {', '.join(lacks)}"
