"""Draws attention maps in heat colours over an image, and a cross on the pixel they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

STRENGTH = 0.65
"""Share of the heat colour in a pixel; the rest is the grey of the image."""
COLOURS = ((0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164))
"""From 0 to 1 in equal steps: five of the colours of the map `inferno`, whose lightness grows evenly."""
LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in grey (ITU-R BT.601)."""


def overlay_heatmap(images: Tensor, maps: Tensor) -> Tensor:
    """Images in grey under a map in heat colours.

    Args:
        images: RGB in [0, 1], shape (N, 3, H, W).
        maps: In [0, 1], shape (N, 1, H, W).

    Returns:
        RGB in [0, 1], shape (N, 3, H, W).
    """
    weights = images.new_tensor(LUMA)[:, None, None]
    grey = (images * weights).sum(1, keepdim=True)
    return (1 - STRENGTH) * grey + STRENGTH * heat_colours(maps.to(images))


def heat_colours(maps: Tensor) -> Tensor:
    """The colour of each value in [0, 1]; shape (N, 1, H, W) becomes (N, 3, H, W)."""
    colours = maps.new_tensor(COLOURS) / 255
    position = maps[:, 0].clamp(0, 1) * (len(COLOURS) - 1)
    # a value of 1 has no colour above it: it is all of the last one, counted from the one before
    below = position.floor().long().clamp(max=len(COLOURS) - 2)
    share = (position - below).unsqueeze(-1)
    mixed = colours[below] * (1 - share) + colours[below + 1] * share
    return mixed.permute(0, 3, 1, 2)


def draw_crosshair(images: Tensor, row: int, column: int) -> Tensor:
    """Images with a white cross, edged in black, whose middle is one pixel; the given images stay as they are."""
    marked = images.clone()
    arm = max(1, min(images.shape[2:]) // 16)
    for reach, half, shade in ((arm + 1, 1, 0.0), (arm, 0, 1.0)):  # first the black edge, then white on top of it
        marked[..., _around(row, half), _around(column, reach)] = shade
        marked[..., _around(row, reach), _around(column, half)] = shade
    return marked


def _around(middle: int, reach: int) -> slice:
    return slice(max(0, middle - reach), middle + reach + 1)
