"""How much of the spread of mIoU comes from which cause: `python results/noise/spread.py STREETS THREADS OTHER`.

STREETS has several translator seeds with two segmenters each, THREADS some of the same cells computed with another
number of threads, OTHER the same rows on streets of other seeds.
"""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmark.report.markdown import page
from benchmark.report.tables import TextTable, decimal_text
from benchmark.results.board import Row
from benchmark.results.leaderboard import boards
from benchmark.results.records import read_records
from benchmark.results.seed_pairs import SeedPair, mean
from benchmark.results.statistics import sample_variance
from benchmark.results.variance import spread_of

Key = tuple[str, str]
"""Translator and segmenter."""
HEADINGS = ("translator", "segmenter", "mIoU %", "translator", "segmenter", "test images", "last bits", "other streets")
NOTES = (
    "Standard deviations in points of mIoU, of a single training. Translator and segmenter: other seeds, apart from "
    "each other. Test images: other images of the test split's kind, these trainings. Last bits: the same seeds, the "
    "sums of products in another order (two threads instead of one). Other streets: scenes, and trainings with them, "
    "of other seeds of the data set.",
)


def rows_of(results: Path) -> dict[str, dict[Key, Row]]:
    """The rows of a results folder by scenario, and by translator and segmenter."""
    records, problems = read_records(results)
    if problems:
        raise SystemExit("\n".join(problems))
    found: dict[str, dict[Key, Row]] = defaultdict(dict)
    for board in boards(records):
        found[board.scenario] |= {(row.translator, row.segmenter): row for row in board.rows}
    return found


def difference_variance(ours: Mapping[SeedPair, float], theirs: Mapping[SeedPair, float]) -> float | None:
    """Variance of a value that was measured twice with each seed; None where no seed was."""
    common = sorted(set(ours) & set(theirs))
    if not common:
        return None
    return mean([(ours[pair] - theirs[pair]) ** 2 / 2 for pair in common])


def scenario_variance(rows: Iterable[Row]) -> float | None:
    """Variance between scenarios of the value at the first seed; None for fewer than two."""
    values = [row.scores[SeedPair(0)] for row in rows if SeedPair(0) in row.scores]
    return sample_variance(values) if len(values) > 1 else None


def spread_table(streets: Path, threads: Path, other: Path) -> TextTable:
    """A line for each row of STREETS that has several trainings, is in THREADS or in OTHER."""
    nested, repeated = rows_of(streets)["streets"], rows_of(threads)["streets"]
    elsewhere = rows_of(other).values()
    lines = []
    for key, row in nested.items():
        spread = spread_of(row)
        bits = difference_variance(row.scores, repeated[key].scores) if key in repeated else None
        scenes = scenario_variance([row, *(rows[key] for rows in elsewhere if key in rows)])
        causes = (spread.translator, spread.segmenter, spread.images, bits, scenes)
        if spread.segmenter is not None or bits is not None:
            lines.append((*key, decimal_text(100 * mean(list(row.scores.values())), 1), *map(_points, causes)))
    return TextTable("Spread of mIoU on streets by cause", HEADINGS, tuple(lines), fixed=2, notes=NOTES)


def _points(variance: float | None) -> str:
    return decimal_text(None if variance is None else 100 * math.sqrt(variance), 1)


def main(arguments: Sequence[str]) -> None:
    """Print the table."""
    streets, threads, other = map(Path, arguments)
    print(page([spread_table(streets, threads, other)]))


if __name__ == "__main__":
    main(sys.argv[1:])
