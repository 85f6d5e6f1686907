"""Sheets of the pictures in a translator's stages: strips of named columns, and the last samples of its training."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.api.stage_context import COLUMNS, PICTURES
from benchmark.report.figures.contact_sheet import Pixels, contact_sheet

UNNAMED = ("source", "translated", "cycled")
"""Panels of strips from before columns had names."""


def strip_sheet(
    folder: Path, strips: str, width: int, title: str, targets: Mapping[str, Sequence[Pixels]] | None = None
) -> Image.Image:
    """All strips of one set, below each other, under the names of their columns.

    Args:
        folder: A finished `translate` stage.
        strips: Name of the set: `translation` or `variants`.
        width: Of a column whose strip does not name its columns, in pixels.
        title: A line above all.
        targets: Further columns by header: one picture for each strip.

    Raises:
        FileNotFoundError: The stage kept no such strips.
    """
    panels = [_panels(path, width) for path in sorted(folder.glob(f"{PICTURES}/{strips}-*.png"))]
    if not panels:
        raise FileNotFoundError(folder)
    for header, pictures in (targets or {}).items():
        for columns, picture in zip(panels, pictures, strict=False):
            columns[header] = picture
    # a strip for which there was no target picture has a column less, and does not fit the sheet
    headers = list(panels[0])
    rows = [list(columns.values()) for columns in panels if len(columns) == len(headers)]
    return contact_sheet(headers, rows, title, fixed=1)


def sample_sheet(folder: Path, title: str) -> Image.Image:
    """The last picture that a training drew of its samples; `FileNotFoundError` where there is none.

    Args:
        folder: A finished `fit-translator` stage.
        title: A line above it.
    """
    by_step = {}
    for path in folder.glob(f"{PICTURES}/step_*.png"):
        number = path.stem.removeprefix("step_")
        if number.isdigit():
            by_step[int(number)] = path  # as numbers: step 900 comes before step 1000
    if not by_step:
        raise FileNotFoundError(folder)
    last = max(by_step)
    return contact_sheet([f"samples after {last} steps of training"], [[_pixels(by_step[last])]], title)


def _panels(path: Path, width: int) -> dict[str, Pixels]:
    """The columns of a strip by name."""
    strip = _pixels(path)
    with Image.open(path) as picture:
        stored = picture.info.get(COLUMNS)
    names = json.loads(stored) if stored else UNNAMED[: strip.shape[1] // width]
    return dict(zip(names, np.split(strip, len(names), axis=1), strict=True))


def _pixels(path: Path) -> Pixels:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))
