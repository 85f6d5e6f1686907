"""What a street scene is while it is laid out: a camera, surfaces, and the maps that say which pixel shows which."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench_datasets.street_looks import CLASS_OF_MATERIAL, Material

FloatMap = NDArray[np.float32]


@dataclass(frozen=True)
class Camera:
    """A pinhole that looks along the street; world coordinates are metres right, up, and ahead of it."""

    focal: float
    height: float
    horizon: float
    centre: float

    def column(self, right: float, ahead: float) -> float:
        """Image column of a point."""
        return self.centre + self.focal * right / ahead

    def row(self, up: float, ahead: float) -> float:
        """Image row of a point; `up` is measured from the ground."""
        return self.horizon + self.focal * (self.height - up) / ahead


@dataclass
class Surfaces:
    """Material and depth of each surface, by its index in the surface map; depth 0 stands for "varies"."""

    material: list[int] = field(default_factory=list)
    depth: list[float] = field(default_factory=list)

    def add(self, material: Material, depth: float = 0.0) -> int:
        """Register a surface and return its index."""
        self.material.append(int(material))
        self.depth.append(depth)
        return len(self.material) - 1


@dataclass(frozen=True)
class Street:
    """Where things run, in metres right of the middle of the road; keys are the sides -1 and 1.

    Attributes:
        offset: Place of the camera.
        half_road: Half the width of the road.
        sidewalks: Width of the sidewalk on each side.
        lines: Distance of the houses on each side.
    """

    offset: float
    half_road: float
    sidewalks: dict[int, float]
    lines: dict[int, float]


@dataclass
class Maps:
    """Four maps of shape (H, W): index of the surface, metres ahead, and the position on the surface in metres."""

    surface: NDArray[np.int32]
    depth: FloatMap
    along: FloatMap
    across: FloatMap

    @classmethod
    def empty(cls, size: tuple[int, int]) -> Maps:
        """Maps that show surface 0 everywhere."""
        return cls(np.zeros(size, np.int32), *(np.zeros(size, np.float32) for _ in range(3)))


@dataclass(frozen=True)
class Layout:
    """One finished scene, all maps of shape (H, W).

    Attributes:
        surface: Index of the surface that each pixel shows.
        material: Material of each surface, shape (surfaces,).
        depth: Metres ahead of the camera.
        along, across: Position on the surface in metres, for textures.
        shadow: Where things cast a shadow on the ground, in [0, 1].
        camera: What sees it.
    """

    surface: NDArray[np.int32]
    material: NDArray[np.int64]
    depth: FloatMap
    along: FloatMap
    across: FloatMap
    shadow: FloatMap
    camera: Camera

    @property
    def label(self) -> NDArray[np.uint8]:
        """Train ids, shape (H, W)."""
        return np.asarray(CLASS_OF_MATERIAL, np.uint8)[self.material][self.surface]
