"""Draws what stands free in a street: lamps, signs, trees, persons and cars, each from its place in metres."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import ImageDraw

from bench_datasets.street_looks import Material
from bench_datasets.street_scene import Camera, Surfaces

Point = tuple[float, float]


@dataclass(frozen=True)
class Pen:
    """Draws shapes, given in metres, into the surface map and into the shadows on the ground."""

    canvas: ImageDraw.ImageDraw
    shadows: ImageDraw.ImageDraw
    camera: Camera
    surfaces: Surfaces
    random: np.random.Generator

    def at(self, right: float, up: float, ahead: float) -> Point:
        """Image position (column, row)."""
        return self.camera.column(right, ahead), self.camera.row(up, ahead)

    def box(self, material: Material, right: float, up: float, width: float, tall: float, ahead: float) -> None:
        """An upright rectangle, centred at `right`, standing at `up`; never thinner than a pixel or two."""
        (x0, y1), (x1, y0) = self.at(right - width / 2, up, ahead), self.at(right + width / 2, up + tall, ahead)
        self.canvas.rectangle([x0, y0, max(x1 - 1, x0 + 1), max(y1 - 1, y0)], fill=self.surfaces.add(material, ahead))

    def disc(self, surface: int, right: float, up: float, radius: float, ahead: float, squash: float = 1.0) -> None:
        """An upright ellipse around a point, in a surface registered before."""
        x, y = self.at(right, up, ahead)
        r = self.camera.focal * radius / ahead
        self.canvas.ellipse([x - r, y - r * squash, x + r, y + r * squash], fill=surface)

    def polygon(self, surface: int, points: list[tuple[float, float, float]]) -> None:
        """A polygon through points (right, up, ahead)."""
        self.canvas.polygon([self.at(*point) for point in points], fill=surface)

    def card(self, surface: int, right: float, up: float, ahead: float, corners: Sequence[Point]) -> None:
        """An upright polygon that faces the camera, with corners (metres right, metres up) from a point."""
        self.polygon(surface, [(right + x, up + y, ahead) for x, y in corners])

    def shade(self, right: float, ahead: float, width: float, length: float) -> None:
        """A shadow on the ground."""
        x, y = self.at(right, 0, ahead)
        near, far = self.at(right, 0, max(ahead - length / 2, 1.0))[1], self.at(right, 0, ahead + length / 2)[1]
        r = self.camera.focal * width / 2 / ahead
        self.shadows.ellipse([x - r, min(far, y), x + r, max(near, y + 1)], fill=255)


def lamp(pen: Pen, right: float, ahead: float) -> None:
    """A street lamp that reaches over the road."""
    tall, reach = pen.random.uniform(5.0, 6.5), -np.sign(right) * pen.random.uniform(0.8, 1.4)
    pen.shade(right, ahead, 0.8, 0.6)
    pen.box(Material.POLE, right, 0, 0.34, tall, ahead)
    pen.box(Material.POLE, right + reach / 2, tall, abs(reach), 0.20, ahead)
    pen.box(Material.POLE, right + reach, tall - 0.1, 0.6, 0.28, ahead)


def sign(pen: Pen, right: float, ahead: float) -> None:
    """A traffic sign on its post: disc, triangle or square."""
    up, radius = pen.random.uniform(2.2, 2.8), pen.random.uniform(0.42, 0.58)
    pen.box(Material.POLE, right, 0, 0.22, up, ahead)
    face, symbol = pen.surfaces.add(Material.SIGN, ahead), pen.surfaces.add(Material.SIGN_SYMBOL, ahead)
    shape = pen.random.integers(3)
    for surface, r in ((face, radius), (symbol, radius * 0.4)):
        if shape == 0:
            pen.disc(surface, right, up, r, ahead)
        elif shape == 1:
            pen.card(surface, right, up, ahead, _trapezoid(r, -r, r, r))
        else:
            pen.card(surface, right, up, ahead, [(-1.2 * r, -r), (1.2 * r, -r), (0, 1.2 * r)])


def _trapezoid(half_below: float, below: float, half_above: float, above: float) -> list[Point]:
    return [(-half_below, below), (half_below, below), (half_above, above), (-half_above, above)]


def tree(pen: Pen, right: float, ahead: float) -> None:
    """A trunk under a crown of many small discs."""
    stem, radius = pen.random.uniform(2.0, 2.8), pen.random.uniform(1.3, 2.3)
    pen.shade(right, ahead, 2 * radius, radius)
    pen.box(Material.TRUNK, right, 0, 0.35, stem + 0.5, ahead)
    crowns = [pen.surfaces.add(Material.FOLIAGE, ahead) for _ in range(3)]
    centre = stem + radius * 0.9
    pen.disc(crowns[0], right, centre, radius * 0.85, ahead)
    for index, (angle, reach) in enumerate(pen.random.random((14, 2))):
        x, y = np.cos(angle * 6.28), np.sin(angle * 6.28)
        away = radius * (0.45 + 0.4 * reach)
        pen.disc(crowns[index % 3], right + x * away, centre + y * away, radius * 0.32, ahead)


def person(pen: Pen, right: float, ahead: float) -> None:
    """A walker: legs, trunk, arms and head."""
    tall = pen.random.uniform(1.65, 1.9)
    stride = pen.random.uniform(0.10, 0.22)
    pen.shade(right, ahead, 0.8, 0.6)
    trousers = pen.surfaces.add(Material.TROUSERS, ahead)
    hip, neck = 0.50 * tall, 0.85 * tall
    for foot in (-stride, stride):
        pen.card(trousers, right, 0, ahead, [(foot - 0.1, 0), (foot + 0.1, 0), (0.2, hip), (-0.2, hip)])
    pen.box(Material.SHIRT, right, hip - 0.05, 0.62, neck - hip + 0.05, ahead)
    pen.disc(pen.surfaces.add(Material.SKIN, ahead), right, 0.93 * tall, 0.15, ahead)


def car(pen: Pen, right: float, ahead: float) -> None:
    """A car seen from behind, with the flank that faces the camera."""
    width, tall, length = pen.random.uniform(1.7, 1.9), pen.random.uniform(1.4, 1.75), pen.random.uniform(3.8, 4.6)
    far, waist, low = ahead + length, tall * 0.58, 0.28
    pen.shade(right, ahead + length / 2, width + 0.7, length + 1.0)
    body = pen.surfaces.add(Material.CAR_BODY, ahead)
    glass = pen.surfaces.add(Material.CAR_GLASS, ahead)
    flank = right - np.sign(right) * width / 2
    pen.polygon(body, [(flank, low, ahead), (flank, low, far), (flank, waist, far), (flank, waist, ahead)])
    pen.polygon(
        glass, [(flank, waist, ahead + 0.4), (flank, waist, far - 1.2), (flank, tall, far - 1.8), (flank, tall, ahead)]
    )
    for wheel in (ahead + 0.8, far - 0.8):
        tyre = pen.surfaces.add(Material.TYRE, wheel)
        pen.polygon(tyre, [(flank, u, wheel + d) for u, d in ((0, -0.3), (0, 0.3), (0.6, 0.3), (0.6, -0.3))])
    _rear(pen, body, glass, right, ahead, (width, tall))


def _rear(pen: Pen, body: int, glass: int, right: float, ahead: float, size: tuple[float, float]) -> None:
    """The face of a car that the camera sees in full."""
    width, tall = size
    half, waist = width / 2, tall * 0.58
    for step in (-1, 1):
        pen.box(Material.TYRE, right + step * (half - 0.18), 0, 0.28, 0.5, ahead)
    roof, glass_top = half * 0.78, tall - 0.12
    pen.card(body, right, 0, ahead, _trapezoid(half, 0.25, half, waist))
    pen.card(body, right, 0, ahead, _trapezoid(half, waist, roof, tall))
    pen.card(glass, right, 0, ahead, _trapezoid(half * 0.8, waist + 0.04, roof * 0.85, glass_top))
    for step in (-1, 1):
        pen.box(Material.LAMP, right + step * (half - 0.2), waist - 0.32, 0.28, 0.2, ahead)


DRAW: dict[str, Callable[[Pen, float, float], None]] = {
    "lamp": lamp, "sign": sign, "tree": tree, "person": person, "car": car,
}  # fmt: skip
"""What draws each kind of thing at (right of the camera, ahead of it)."""
