"""What a training logged step by step, such as losses, read back from its stage."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmark.api.stage_context import SCALARS

LAST_SHARE = 0.25
"""Which part of a training, at its end, `last_scalars` are means over."""


def read_scalars(folder: Path) -> dict[str, dict[int, float]]:
    """The scalars of a training by name and step; empty where it logged none.

    A step that a resumed training logged again counts as it was logged last.
    """
    found: dict[str, dict[int, float]] = defaultdict(dict)
    try:
        lines = (folder / SCALARS).read_text().splitlines()
    except OSError:
        return {}
    for line in lines:
        try:
            scalars: dict[str, Any] = json.loads(line)
        except ValueError:  # a line that a killed attempt left unfinished
            continue
        step = scalars.pop("step")
        for name, value in scalars.items():
            found[name][step] = value
    return dict(found)


def last_scalars(folder: Path) -> dict[str, float]:
    """Means of all scalars over the last quarter of a training, by name; those that are not finite are left out."""
    means = {}
    for name, curve in read_scalars(folder).items():
        start = (1 - LAST_SHARE) * max(curve)
        tail = [value for step, value in curve.items() if step > start]
        if tail and all(map(math.isfinite, tail)):
            means[name] = math.fsum(tail) / len(tail)
    return means
