"""Lays out one street scene as a map of surfaces in perspective, before any of it has a colour."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from bench_datasets.street_looks import CLASS_OF_MATERIAL, Habits, Material, Range

FAR = 90.0
"""Depth of the backdrop that ends the street, in metres."""
NEAR = 1.0

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
class Layout:
    """One scene, all maps of shape (H, W).

    Attributes:
        surface: Index of the surface that each pixel shows, int32.
        material: Material of each surface.
        depth: Metres ahead of the camera.
        along, across: Position on the surface in metres, for textures.
        shadow: Where things cast a shadow on the ground, in [0, 1].
    """

    surface: NDArray[np.int32]
    material: NDArray[np.int64]
    depth: FloatMap
    along: FloatMap
    across: FloatMap
    shadow: FloatMap

    @property
    def label(self) -> NDArray[np.uint8]:
        """Train ids, shape (H, W)."""
        return np.asarray(CLASS_OF_MATERIAL, np.uint8)[self.material][self.surface]


@dataclass
class Scene:
    """A scene while it is drawn."""

    random: np.random.Generator
    habits: Habits
    camera: Camera
    surfaces: Surfaces
    surface: NDArray[np.int32]
    depth: FloatMap
    along: FloatMap
    across: FloatMap
    offset: float
    half_road: float
    sidewalks: dict[int, float]
    lines: dict[int, float]

    def between(self, bounds: Range) -> float:
        """A uniform draw."""
        return float(self.random.uniform(*bounds))

    def count(self, bounds: Range) -> int:
        """A whole number, both bounds included."""
        return int(self.random.integers(int(bounds[0]), int(bounds[1]) + 1))


def lay_out(random: np.random.Generator, habits: Habits, size: tuple[int, int]) -> Layout:
    """Draw one scene of `size` (height, width) from the habits of a domain."""
    scene = _empty_scene(random, habits, size)
    _ground(scene)
    _backdrop(scene)
    for side in (-1, 1):
        _facades(scene, side)
        if random.random() < habits.fence_share:
            _fence(scene, side)
    return _finish(scene, _things(scene))


def _empty_scene(random: np.random.Generator, habits: Habits, size: tuple[int, int]) -> Scene:
    height, width = size
    camera = Camera(
        focal=height * random.uniform(*habits.focal),
        height=random.uniform(*habits.camera_height),
        horizon=height * random.uniform(*habits.horizon),
        centre=width * random.uniform(0.36, 0.64),
    )
    half_road = random.uniform(*habits.half_road)
    offset = random.uniform(0.0, 0.5) * half_road  # the camera drives on the right half
    sidewalks = {side: random.uniform(*habits.sidewalk) for side in (-1, 1)}
    lines = {side: half_road + sidewalks[side] + random.uniform(*habits.verge) for side in (-1, 1)}
    surfaces = Surfaces()
    surfaces.add(Material.SKY, 1e4)
    maps = [np.zeros(size, np.float32) for _ in range(3)]
    surface = np.zeros(size, np.int32)
    return Scene(random, habits, camera, surfaces, surface, *maps, offset, half_road, sidewalks, lines)


def _ground(scene: Scene) -> None:
    """Road, markings, sidewalks and the land beside them."""
    camera, half = scene.camera, scene.half_road
    height, width = scene.surface.shape
    top = int(np.ceil(camera.horizon + camera.focal * camera.height / (FAR * 1.5)))
    rows, columns = np.arange(top, height, dtype=np.float32), np.arange(width, dtype=np.float32)
    ahead = (camera.focal * camera.height / (rows - camera.horizon))[:, None]
    right = (columns - camera.centre)[None, :] / camera.focal * ahead + scene.offset
    ids = [
        scene.surfaces.add(material)
        for material in (Material.TERRAIN, Material.SIDEWALK, Material.CURB, Material.ROAD, Material.MARKING)
    ]
    edge = np.where(right > 0, scene.sidewalks[1], scene.sidewalks[-1])
    beyond = np.abs(right) - half
    steps = (beyond < edge).astype(np.int32) + (beyond < 0.25) + (beyond < 0)
    dashed = (np.abs(right) < 0.11) & (np.mod(ahead + scene.between((0, 9)), 9) < 4.5) & (ahead < 50)
    border = (np.abs(beyond + 0.35) < 0.08) & (ahead < 35)
    steps += dashed | border
    scene.surface[top:] = np.asarray(ids, np.int32)[steps]
    scene.depth[top:] = ahead
    scene.along[top:] = ahead
    scene.across[top:] = right


def _backdrop(scene: Scene) -> None:
    """What ends the street: far houses or trees along the horizon."""
    width = scene.surface.shape[1]
    camera, random = scene.camera, scene.random
    columns = np.arange(width, dtype=np.float32)
    start = 0
    tops = np.full(width, camera.horizon, np.float32)
    ids = np.zeros(width, np.int32)
    while start < width:
        length = int(width * random.uniform(0.05, 0.16)) + 1
        trees = random.random() < 0.5
        tops[start : start + length] = camera.row(random.uniform(4, 9) if trees else random.uniform(7, 16), FAR)
        ids[start : start + length] = scene.surfaces.add(Material.FOLIAGE if trees else Material.WALL, FAR)
        start += length
    base = int(np.ceil(camera.horizon + camera.focal * camera.height / (FAR * 1.5)))
    rows = np.arange(base, dtype=np.float32)[:, None]
    scene.surface[:base] = np.where(rows >= tops[None], ids[None], scene.surface[:base])
    scene.depth[:base] = FAR
    scene.along[:base] = columns[None] * (FAR / camera.focal)
    scene.across[:base] = -rows * (FAR / camera.focal)


def _wall(scene: Scene, side: int, line: float) -> tuple[slice, FloatMap, FloatMap]:
    """Columns that see the upright plane beside the street, their depth, and the height that each pixel shows."""
    camera, (height, width) = scene.camera, scene.surface.shape
    lateral = line - side * scene.offset
    last = int(np.clip(round(camera.centre + side * camera.focal * lateral / FAR), 0, width))
    columns = slice(last, width) if side > 0 else slice(0, last)
    span = np.abs(np.arange(width, dtype=np.float32)[columns] - camera.centre)
    ahead = camera.focal * lateral / np.maximum(span, 1)
    rows = np.arange(height, dtype=np.float32)[:, None]
    return columns, ahead, camera.height - (rows - camera.horizon) * ahead[None] / camera.focal


def _cover(scene: Scene, columns: slice, mask: NDArray[np.bool_], ids: NDArray[np.int32], ahead: FloatMap,
           up: FloatMap) -> None:  # fmt: skip
    """Put an upright plane over what is there."""
    for target, value in (
        (scene.surface, ids),
        (scene.depth, ahead[None]),
        (scene.along, ahead[None]),
        (scene.across, up),
    ):
        np.copyto(target[:, columns], value, where=mask)


def _facades(scene: Scene, side: int) -> None:
    """A row of houses with windows along one side of the street."""
    random = scene.random
    columns, ahead, up = _wall(scene, side, scene.lines[side])
    ends, heights, walls, windows = [], [], [], []
    end = random.uniform(-10, 4)
    while end < FAR:
        gap = random.random() < scene.habits.building_gap
        end += random.uniform(4, 9) if gap else random.uniform(9, 20)
        ends.append(end)
        heights.append(0.0 if gap else scene.between(scene.habits.building_height))
        walls.append(scene.surfaces.add(Material.WALL))
        windows.append(scene.surfaces.add(Material.WINDOW))
    house = np.minimum(np.searchsorted(np.asarray(ends), ahead), len(ends) - 1)
    mask = (up > 0) & (up < np.asarray(heights, np.float32)[house][None])
    pitch, storey = random.uniform(2.2, 3.2), random.uniform(2.8, 3.4)
    eaves = np.asarray(heights, np.float32)[house][None] - 0.6
    glass = (np.mod(up, storey) > 0.40 * storey) & (np.mod(ahead, pitch) > 0.5 * pitch)[None] & (up < eaves)
    ids = np.where(glass, np.asarray(windows, np.int32)[house][None], np.asarray(walls, np.int32)[house][None])
    _cover(scene, columns, mask, ids, ahead, up)


def _fence(scene: Scene, side: int) -> None:
    """A fence between sidewalk and land, over part of the street."""
    line = scene.half_road + scene.sidewalks[side] + 0.1
    columns, ahead, up = _wall(scene, side, line)
    start = scene.between((0, 12))
    tall, end = scene.between((1.1, 1.8)), start + scene.between((8, 30))
    mask = (up > 0) & (up < tall) & ((ahead > start) & (ahead < end))[None]
    _cover(scene, columns, mask, np.asarray(scene.surfaces.add(Material.FENCE), np.int32), ahead, up)


def _things(scene: Scene) -> list[tuple[float, str, float]]:
    """Everything that stands free, as (ahead, kind, right of the road's middle)."""
    habits, random, half = scene.habits, scene.random, scene.half_road
    things: list[tuple[float, str, float]] = []
    for side in (-1, 1):
        spacing = scene.between(habits.pole_spacing)
        first = random.uniform(5, 5 + spacing)
        things += [(ahead, "lamp", side * (half + 0.6)) for ahead in np.arange(first, 42, spacing)]
    for _ in range(scene.count(habits.signs)):
        things.append((random.uniform(6, 22), "sign", _side(random) * (half + random.uniform(0.7, 1.3))))
    for _ in range(scene.count(habits.trees)):
        side = _side(random)
        edge = half + scene.sidewalks[side]
        things.append((random.uniform(7, 45), "tree", side * random.uniform(edge, scene.lines[side] + 0.5)))
    for _ in range(scene.count(habits.persons)):
        side = _side(random)
        things.append((random.uniform(5, 18), "person", side * (half + random.uniform(0.6, scene.sidewalks[side]))))
    for _ in range(scene.count(habits.cars)):
        place = half - 1.1 if random.random() < 0.5 else half * 0.5
        things.append((random.uniform(6, 40), "car", _side(random) * place + random.uniform(-0.2, 0.2)))
    return sorted(things, reverse=True)


def _side(random: np.random.Generator) -> int:
    return 1 if random.random() < 0.5 else -1


def _finish(scene: Scene, things: list[tuple[float, str, float]]) -> Layout:
    """Draw the free-standing things from far to near and collect the maps."""
    from bench_datasets.street_things import DRAW, Pen

    size = scene.surface.shape
    canvas = Image.fromarray(scene.surface, mode="I")
    shadow = Image.new("L", (size[1], size[0]))
    pen = Pen(ImageDraw.Draw(canvas), ImageDraw.Draw(shadow), scene.camera, scene.surfaces, scene.random)
    for ahead, kind, right in things:
        DRAW[kind](pen, right - scene.offset, ahead)
    surface = np.asarray(canvas, np.int32)
    return _with_thing_positions(scene, surface, np.asarray(shadow, np.float32) / 255)


def _with_thing_positions(scene: Scene, surface: NDArray[np.int32], shadow: FloatMap) -> Layout:
    """Depth and texture positions of the things, each of which is as flat as a card."""
    height, width = surface.shape
    own = np.asarray(scene.surfaces.depth, np.float32)[surface]
    card = own > 0
    metres = own / scene.camera.focal
    depth = np.where(card, own, scene.depth)
    along = np.where(card, np.arange(width, dtype=np.float32)[None] * metres, scene.along)
    across = np.where(card, np.arange(height, dtype=np.float32)[:, None] * metres, scene.across)
    return Layout(surface, np.asarray(scene.surfaces.material), depth, along, across, shadow)
