"""Lays out one street scene in perspective: ground, houses and fences as planes, then all that stands free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from bench_datasets.street_looks import Habits, Material, Range
from bench_datasets.street_scene import Camera, FloatMap, Layout, Maps, Street, Surfaces
from bench_datasets.street_things import DRAW, Pen

FAR = 90.0
"""Depth of the backdrop that ends the street, in metres."""

SIDES = (-1, 1)


class Thing(NamedTuple):
    """Something that stands free: metres ahead, what it is, metres right of the middle of the road."""

    ahead: float
    kind: str
    right: float


@dataclass(frozen=True)
class Draft:
    """A scene while it is laid out; surfaces and maps are filled from far to near."""

    random: np.random.Generator
    habits: Habits
    camera: Camera
    street: Street
    surfaces: Surfaces
    maps: Maps

    def between(self, bounds: Range) -> float:
        """A uniform draw."""
        return float(self.random.uniform(*bounds))

    def count(self, bounds: Range) -> range:
        """As many turns as a draw of a whole number says, both bounds included."""
        return range(int(self.random.integers(int(bounds[0]), int(bounds[1]) + 1)))

    def happens(self, share: float) -> bool:
        """True in a share of all draws; where the share is 0, nothing is drawn."""
        return share > 0 and bool(self.random.random() < share)

    def side(self) -> int:
        """Left or right."""
        return SIDES[int(self.random.integers(2))]


def lay_out(random: np.random.Generator, habits: Habits, size: tuple[int, int]) -> Layout:
    """Draw one scene of `size` (height, width) from the habits of a domain."""
    draft = _draft(random, habits, size)
    _ground(draft)
    _backdrop(draft)
    for side in SIDES:
        _houses(draft, side)
        if random.random() < habits.fence_share:
            _fence(draft, side)
    return _stand(draft, _things(draft))


def _draft(random: np.random.Generator, habits: Habits, size: tuple[int, int]) -> Draft:
    height, width = size
    camera = Camera(
        focal=height * random.uniform(*habits.focal),
        height=random.uniform(*habits.camera_height),
        horizon=height * random.uniform(*habits.horizon),
        centre=width * random.uniform(0.36, 0.64),
    )
    half_road = random.uniform(*habits.half_road)
    sidewalks = {side: random.uniform(*habits.sidewalk) for side in SIDES}
    lines = {side: half_road + sidewalks[side] + random.uniform(*habits.verge) for side in SIDES}
    street = Street(random.uniform(0.0, 0.5) * half_road, half_road, sidewalks, lines)  # traffic keeps to the right
    surfaces = Surfaces()
    surfaces.add(Material.SKY, 1e4)
    return Draft(random, habits, camera, street, surfaces, Maps.empty(size))


def _ground(draft: Draft) -> None:
    """Road, markings, sidewalks and the land beside them."""
    camera, maps, half = draft.camera, draft.maps, draft.street.half_road
    top, (height, width) = _last_row_of_backdrop(camera), maps.surface.shape
    rows, columns = np.arange(top, height, dtype=np.float32), np.arange(width, dtype=np.float32)
    ahead = (camera.focal * camera.height / (rows - camera.horizon))[:, None]
    right = (columns - camera.centre)[None, :] / camera.focal * ahead + draft.street.offset
    beyond = np.abs(right) - half
    width_here = np.where(right > 0, draft.street.sidewalks[1], draft.street.sidewalks[-1])
    dashes = (np.abs(right) < 0.11) & (np.mod(ahead + draft.between((0, 9)), 9) < 4.5) & (ahead < 50)
    border = (np.abs(beyond + 0.35) < 0.08) & (ahead < 35)
    steps = (beyond < width_here).astype(np.int32) + (beyond < 0.25) + (beyond < 0) + (dashes | border)
    outside_in = (Material.TERRAIN, Material.SIDEWALK, Material.CURB, Material.ROAD, Material.MARKING)
    maps.surface[top:] = np.asarray([draft.surfaces.add(material) for material in outside_in], np.int32)[steps]
    maps.depth[top:] = maps.along[top:] = ahead
    maps.across[top:] = right


def _last_row_of_backdrop(camera: Camera) -> int:
    """The ground starts a little behind the backdrop's depth, where a pixel covers too many metres to show any."""
    return int(np.ceil(camera.row(0, FAR * 1.5)))


def _backdrop(draft: Draft) -> None:
    """What ends the street: far houses and trees along the horizon."""
    camera, random, maps = draft.camera, draft.random, draft.maps
    base, width = _last_row_of_backdrop(camera), maps.surface.shape[1]
    tops, ids = np.zeros(width, np.float32), np.zeros(width, np.int32)
    start = 0
    while start < width:
        stretch = slice(start, start + int(width * random.uniform(0.05, 0.16)) + 1)
        trees = random.random() < 0.5
        tops[stretch] = camera.row(random.uniform(4, 9) if trees else random.uniform(7, 16), FAR)
        ids[stretch] = draft.surfaces.add(Material.FOLIAGE if trees else Material.WALL, FAR)
        start = stretch.stop
    rows = np.arange(base, dtype=np.float32)[:, None]
    np.copyto(maps.surface[:base], ids[None], where=rows >= tops[None])


class Plane(NamedTuple):
    """An upright plane beside the street.

    Attributes:
        columns: The image columns that may see it.
        ahead: Metres ahead, shape (columns,).
        up: Metres above the ground, shape (H, columns).
    """

    columns: slice
    ahead: FloatMap
    up: FloatMap

    @classmethod
    def beside(cls, draft: Draft, side: int, line: float) -> Plane:
        """The plane at `line` metres from the middle of the road."""
        camera, (height, width) = draft.camera, draft.maps.surface.shape
        lateral = line - side * draft.street.offset
        end = int(np.clip(round(camera.column(side * lateral, FAR)), 0, width))
        columns = slice(end, width) if side > 0 else slice(0, end)
        away = np.abs(np.arange(width, dtype=np.float32)[columns] - np.float32(camera.centre))
        ahead = np.float32(camera.focal * lateral) / np.maximum(away, 1)
        rows = np.arange(height, dtype=np.float32)[:, None] - np.float32(camera.horizon)
        return cls(columns, ahead, np.float32(camera.height) - rows * ahead[None] / np.float32(camera.focal))

    def cover(self, maps: Maps, mask: NDArray[np.bool_], ids: NDArray[np.int32]) -> None:
        """Put surfaces on the plane before what is there; `mask` is (H, columns), `ids` broadcasts to it."""
        for target, value in (
            (maps.surface, ids),
            (maps.depth, self.ahead[None]),
            (maps.along, self.ahead[None]),
            (maps.across, self.up),
        ):
            np.copyto(target[:, self.columns], value, where=mask)


def _houses(draft: Draft, side: int) -> None:
    """A row of houses with windows, and gaps between them, along one side of the street."""
    random = draft.random
    plane = Plane.beside(draft, side, draft.street.lines[side])
    ends, heights, walls, windows = [], [], [], []
    end = random.uniform(-10, 4)
    while end < FAR:
        gap = random.random() < draft.habits.building_gap
        end += random.uniform(4, 9) if gap else random.uniform(9, 20)
        ends.append(end)
        heights.append(0.0 if gap else draft.between(draft.habits.building_height))
        walls.append(draft.surfaces.add(Material.WALL))
        windows.append(draft.surfaces.add(Material.WINDOW))
    house = np.minimum(np.searchsorted(np.asarray(ends), plane.ahead), len(ends) - 1)
    tall = np.asarray(heights, np.float32)[house][None]
    ids = [np.asarray(surfaces, np.int32)[house][None] for surfaces in (windows, walls)]
    plane.cover(draft.maps, (plane.up > 0) & (plane.up < tall), np.where(_glass(random, plane, tall), *ids))


def _glass(random: np.random.Generator, plane: Plane, tall: FloatMap) -> NDArray[np.bool_]:
    """Where windows are in a row of houses, storey by storey up to the eaves."""
    pitch, storey = random.uniform(2.2, 3.2), random.uniform(2.8, 3.4)
    rows = (np.mod(plane.up, storey) > 0.4 * storey) & (plane.up < tall - 0.6)
    return np.asarray(rows & (np.mod(plane.ahead, pitch) > 0.5 * pitch)[None])


def _fence(draft: Draft, side: int) -> None:
    """A fence between sidewalk and land, over part of the street."""
    plane = Plane.beside(draft, side, draft.street.half_road + draft.street.sidewalks[side] + 0.1)
    start = draft.between((0, 12))
    tall, end = draft.between((1.1, 1.8)), start + draft.between((8, 30))
    mask = (plane.up > 0) & (plane.up < tall) & ((plane.ahead > start) & (plane.ahead < end))[None]
    plane.cover(draft.maps, mask, np.asarray(draft.surfaces.add(Material.FENCE), np.int32))


def _things(draft: Draft) -> list[Thing]:
    """Everything that stands free, from far to near."""
    habits, uniform, half = draft.habits, draft.random.uniform, draft.street.half_road
    things: list[Thing] = []
    for side in SIDES:
        spacing = draft.between(habits.pole_spacing)
        row = np.arange(uniform(5, 5 + spacing), 42, spacing)
        things += [Thing(float(ahead), "lamp", side * (half + 0.6)) for ahead in row]
    for _ in draft.count(habits.signs):
        things.append(Thing(_ahead(draft, 6, 22), "sign", draft.side() * (half + uniform(0.7, 1.3))))
    for _ in draft.count(habits.trees):
        side = draft.side()
        inner, outer = half + draft.street.sidewalks[side], draft.street.lines[side] + 0.5
        things.append(Thing(_ahead(draft, 7, 45), "tree", side * uniform(inner, outer)))
    for _ in draft.count(habits.persons):
        side = draft.side()
        ahead, beside = _ahead(draft, 5, 18), half + uniform(0.6, draft.street.sidewalks[side])
        things.append(Thing(ahead, "person", side * (uniform(0, half) if draft.happens(habits.crossing) else beside)))
    for _ in draft.count(habits.cars):
        place = half - 1.1 if draft.random.random() < 0.5 else half * 0.5  # parked, or in its lane
        if draft.happens(habits.kerb_parking):
            place = half + 1.1
        things.append(Thing(_ahead(draft, 6, 40), "car", draft.side() * place + uniform(-0.2, 0.2)))
    return sorted(things, reverse=True)


def _ahead(draft: Draft, nearest: float, farthest: float) -> float:
    """Distance of something that stands free, in metres."""
    nearness = draft.habits.nearness
    return draft.between((nearest / nearness, farthest / nearness))


def _stand(draft: Draft, things: list[Thing]) -> Layout:
    """Draw the free-standing things over the planes, and collect the maps."""
    canvas = Image.fromarray(draft.maps.surface)
    shadow = Image.new("L", canvas.size)
    pen = Pen(ImageDraw.Draw(canvas), ImageDraw.Draw(shadow), draft.camera, draft.surfaces, draft.random)
    for thing in things:
        DRAW[thing.kind](pen, thing.right - draft.street.offset, thing.ahead)
    return _layout(draft, np.asarray(canvas, np.int32), np.asarray(shadow, np.float32) / np.float32(255))


def _layout(draft: Draft, surface: NDArray[np.int32], shadow: FloatMap) -> Layout:
    """The maps as they are, but for surfaces of one depth, each of which is as flat as a card."""
    maps, (height, width) = draft.maps, surface.shape
    own = np.asarray(draft.surfaces.depth, np.float32)[surface]
    card, metres = own > 0, own / np.float32(draft.camera.focal)
    depth = np.where(card, own, maps.depth)
    along = np.where(card, np.arange(width, dtype=np.float32)[None] * metres, maps.along)
    across = np.where(card, np.arange(height, dtype=np.float32)[:, None] * metres, maps.across)
    return Layout(surface, np.asarray(draft.surfaces.material), depth, along, across, shadow, draft.camera)
