"""Draws label maps in the colours of their classes, and sheets of pictures with headers and a legend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from benchmark.api.dataset import ClassSet

Pixels = NDArray[np.uint8]

GAP, TEXT, LINE = 6, 15, 24
PANEL_WIDTH = 320
"""Pictures narrower than this are enlarged by a whole factor to about this width, in pixels."""
WIDEST = 8
"""More columns than this stand in several bands."""
PAPER, INK, SHADE = (255, 255, 255), (20, 20, 20), (110, 110, 110)


def paint(labels: Pixels, classes: ClassSet) -> Pixels:
    """Labels (H, W) in the class palette, (H, W, 3); what is no class, as ignored pixels, is black."""
    table = np.zeros((256, 3), np.uint8)
    table[: len(classes)] = classes.palette
    return np.asarray(table[labels])


def contact_sheet(
    headers: Sequence[str],
    rows: Sequence[Sequence[Pixels]],
    title: str = "",
    classes: ClassSet | None = None,
    fixed: int = 0,
) -> Image.Image:
    """Pictures in rows and columns, each column under its header, the classes named at the foot.

    Args:
        headers: One per column.
        rows: RGB pictures of equal size, (H, W, 3), one per column in each row.
        title: A line above all.
        classes: What the colours mean; None draws no legend.
        fixed: So many leading columns stand again where there are too many to stand side by side.
    """
    first = _enlarge(rows[0][0])
    height, width = first.shape[:2]
    bands = _bands(len(headers), fixed)
    sheet_width = GAP + len(bands[0]) * (width + GAP)
    legend = _legend_places(classes, sheet_width) if classes else []
    legend_lines = legend[-1][1] + 1 if legend else 0
    band_height = LINE + len(rows) * (height + GAP)
    top = LINE if title else 0
    foot = top + len(bands) * band_height
    paper = Image.new("RGB", (sheet_width, foot + legend_lines * LINE), PAPER)
    pen = ImageDraw.Draw(paper)
    _write(pen, (GAP, LINE // 2), title, sheet_width - GAP, SHADE)
    for number, band in enumerate(bands):
        upper = top + number * band_height + LINE
        for place, column in enumerate(band):
            left = GAP + place * (width + GAP)
            _write(pen, (left, upper - LINE // 2), headers[column], width)
            for line, row in enumerate(rows):
                picture = Image.fromarray(_enlarge(row[column]))
                paper.paste(picture, (left, upper + line * (height + GAP)))
    for left, line, name, colour in legend:
        _swatch(pen, (left, foot + line * LINE), name, colour)
    return paper


def _bands(count: int, fixed: int) -> list[list[int]]:
    """Columns that stand side by side, about as many in each band."""
    if count <= WIDEST:
        return [list(range(count))]
    free = range(fixed, count)
    bands = math.ceil(len(free) / (WIDEST - fixed))
    per_band = math.ceil(len(free) / bands)
    return [[*range(fixed), *free[start : start + per_band]] for start in range(0, len(free), per_band)]


def _enlarge(picture: Pixels) -> Pixels:
    # whole factors and no smoothing: a pixel of a label map stays the colour of one class
    factor = max(1, round(PANEL_WIDTH / picture.shape[1]))
    return picture.repeat(factor, 0).repeat(factor, 1)


def _write(
    pen: ImageDraw.ImageDraw, place: tuple[int, int], text: str, width: int, ink: tuple[int, int, int] = INK
) -> None:
    """Text, its left middle at a place, shortened to a width in pixels."""
    line = text
    while text and pen.textlength(line, _font()) > width:
        text = text[:-1]
        line = text.rstrip() + "…"
    pen.text(place, line, fill=ink, font=_font(), anchor="lm")


def _legend_places(classes: ClassSet, width: int) -> list[tuple[int, int, str, tuple[int, int, int]]]:
    """Left edge, line, name and colour of each entry, broken into lines of a width."""
    places, left, line = [], GAP, 0
    named = [*zip(classes.names, classes.palette, strict=True), ("ignored", (0, 0, 0))]
    for name, colour in named:
        taken = int(_font().getlength(name)) + TEXT + 4 * GAP
        if left > GAP and left + taken > width:
            left, line = GAP, line + 1
        places.append((left, line, name, colour))
        left += taken
    return places


def _swatch(pen: ImageDraw.ImageDraw, place: tuple[int, int], name: str, colour: tuple[int, int, int]) -> None:
    left, top = place
    edge = (LINE - TEXT) // 2
    pen.rectangle((left, top + edge, left + TEXT, top + edge + TEXT), fill=colour, outline=SHADE)
    pen.text((left + TEXT + GAP, top + LINE // 2), name, fill=INK, font=_font(), anchor="lm")


@cache
def _font() -> Any:
    return ImageFont.load_default(TEXT)
