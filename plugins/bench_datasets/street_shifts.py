"""Looks that differ from the game by one cause each, so that it can be measured which translator closes which gap.

Their strengths are set by what is left of a segmenter of the game: `docs/data.md` has the figures. Changed constants
change the fingerprints of the data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from functools import reduce
from itertools import cycle, islice, product
from typing import TypeVar, cast

from bench_datasets.street_looks import (
    BOARDS,
    CAMERA,
    CLOUDY,
    GAME,
    GRAIN,
    TILES,
    Colour,
    Habits,
    Lamps,
    Look,
    Material,
    Paint,
    Rain,
    Range,
)

Numbers = TypeVar("Numbers", Colour, Range)

WHITE: Colour = (1.0, 1.0, 1.0)

CROWDED = Habits(
    focal=(1.2, 1.9),
    camera_height=(2.6, 3.4),
    horizon=(0.12, 0.28),
    half_road=(2.6, 3.2),
    sidewalk=(4.0, 6.0),
    verge=(0.0, 0.5),
    building_height=(3.0, 8.0),
    building_gap=0.5,
    cars=(6, 12),
    persons=(8, 18),
    trees=(0, 10),
    fence_share=0.5,
    pole_spacing=(7.0, 10.0),
    signs=(3, 9),
    nearness=1.7,
    crossing=0.5,
    kerb_parking=0.5,
)
"""The habits of `layout`: crowded streets of pedestrians, seen from a lorry through a longer lens."""

TEXTURES: dict[Material, tuple[int, float, float]] = {
    Material.ROAD: (GRAIN, 0.8, 1.0),
    Material.MARKING: (GRAIN, 2.0, 0.7),
    Material.SIDEWALK: (BOARDS, 2.0, 0.8),
    Material.CURB: (BOARDS, 2.0, 0.9),
    Material.TERRAIN: (BOARDS, 2.0, 0.9),
    Material.WALL: (BOARDS, 1.5, 0.7),
    Material.WINDOW: (TILES, 3.0, 0.9),
    Material.FENCE: (GRAIN, 1.0, 1.0),
    Material.POLE: (GRAIN, 2.0, 1.0),
    Material.SIGN: (BOARDS, 8.0, 0.7),
    Material.FOLIAGE: (GRAIN, 2.0, 1.0),
    Material.SHIRT: (BOARDS, 12.0, 0.8),
    Material.TROUSERS: (BOARDS, 12.0, 0.8),
    Material.CAR_BODY: (CLOUDY, 3.0, 0.9),
    Material.CAR_GLASS: (CLOUDY, 6.0, 0.9),
}
"""The textures of `texture`: kind, texels per metre, and contrast as a share of the brightness."""

Change = Callable[[Look, float], Look]
"""What a cause makes of a look, at a strength: 1 where it comes alone; the less, the nearer to the look as it was."""


def colour(look: Look, strength: float) -> Look:
    """Surfaces and sky have other colours: for each material, seven tenths of the way to those of the camera."""
    way = 0.7 * strength
    paints = {material: _repainted(paint, CAMERA.paints[material], way) for material, paint in look.paints.items()}
    sky = _mix(look.sky[0], CAMERA.sky[0], way), _mix(look.sky[1], CAMERA.sky[1], way)
    return replace(look, paints=paints, sky=sky)


def texture(look: Look, strength: float) -> Look:
    """Surfaces have other textures, coarser and of more contrast, that vary the brightness of the same colours.

    Their mean stays, but for bright surfaces, whose brightest parts are clipped at white.
    """
    paints = {
        material: _textured(paint, *TEXTURES[material], strength) if material in TEXTURES else paint
        for material, paint in look.paints.items()
    }
    return replace(look, paints=paints)


def dusk(look: Look, strength: float) -> Look:
    """Sun below the horizon: hardly any shadow, 0.4 stops of light less, a sky of one stop less, red at the horizon.

    A stop halves the light; these are the stops that the camera's exposure does not make up for.
    """
    dimmed = _dimmed(look, 0.4 * strength, 1.0 * strength, _mix(WHITE, (0.97, 0.95, 1.05), strength))
    red = _mix(WHITE, (2.0, 0.9, 0.5), strength)
    return replace(
        dimmed,
        sky=(dimmed.sky[0], _times(dimmed.sky[1], red)),
        shadow=_mix(look.shadow, (0.0, 0.1), strength),
        lamps=Lamps(headlights=0.05 * strength, windows=0.25, glow=0.6 * strength),
    )


def night(look: Look, strength: float) -> Look:
    """A sky of three and a half stops less; the street, for whose lamps the camera exposes, has 0.7 stops less."""
    dimmed = _dimmed(look, 0.7 * strength, 3.5 * strength, _mix(WHITE, (0.94, 0.96, 1.09), strength))
    return replace(
        dimmed,
        shadow=_mix(look.shadow, (0.0, 0.1), strength),
        lamps=Lamps(headlights=0.12 * strength, windows=0.4, glow=0.8 * strength),
    )


def haze(look: Look, strength: float) -> Look:
    """Fog under a white sky: light is down to 1/e after 18 to 45 m, a visual range of three times as much."""
    grey = (0.78, 0.79, 0.80)
    return replace(
        look,
        visibility=_shorter(look.visibility, (18.0, 45.0), strength),
        haze=_mix(look.haze, grey, strength),
        sky=(_mix(look.sky[0], grey, strength), _mix(look.sky[1], grey, strength)),
        cloud=_mix(look.cloud, grey, strength),
        shadow=_mix(look.shadow, (0.05, 0.15), strength),
    )


def rain(look: Look, strength: float) -> Look:
    """Rain under a grey sky: half a stop of light less, streaks, wet ground, light down to 1/e after 60 to 110 m."""
    zenith, horizon = (0.46, 0.48, 0.52), (0.62, 0.63, 0.65)
    dimmed = replace(look, exposure=_scaled(look.exposure, _halved(0.5 * strength)))
    return replace(
        dimmed,
        visibility=_shorter(look.visibility, (60.0, 110.0), strength),
        haze=_mix(look.haze, horizon, strength),
        sky=(_mix(look.sky[0], zenith, strength), _mix(look.sky[1], horizon, strength)),
        cloud=_mix(look.cloud, (0.40, 0.41, 0.44), strength),
        shadow=_mix(look.shadow, (0.0, 0.1), strength),
        rain=Rain(drops=_scaled((60.0, 140.0), strength), opacity=0.4, wetness=0.8 * strength),
    )


def sensor(look: Look, strength: float) -> Look:
    """A poor camera: out of focus, noisy, without sharpening, with JPEG files of a quality of 12 to 30.

    A strength of 0 stands for a quality of 95, whose losses are small.
    """
    best = 95.0
    return replace(
        look,
        sharpen=look.sharpen * max(1 - strength, 0),
        blur=_mix(look.blur, (0.6, 1.3), strength),
        noise=_mix(look.noise, (0.05, 0.12), strength),
        colour_noise=_mix(look.colour_noise, (0.10, 0.16), strength),
        jpeg=_mix((best, best), (12.0, 30.0), strength),
    )


def layout(look: Look, strength: float) -> Look:
    """Other habits: what stands where, how often, and from where it is seen."""
    return replace(look, habits=_mixed_habits(look.habits, CROWDED, strength))


CAUSES: dict[str, tuple[Change, ...]] = {
    "colour": (colour,),
    "texture": (texture,),
    "weather": (haze, rain),
    "light": (dusk, night),
    "sensor": (sensor,),
    "layout": (layout,),
}
"""By name, the changes of which each scene has one, in turn. The light dims the sky that the weather gave."""

ALL = 0.3
"""Strength of each cause where all come together, as a share of its strength alone."""

PREFIX = "game-"
SCENES = "game-shifted"
"""Name of the random numbers of all shifted looks: with the same habits, they show the same scenes in other looks."""


def looks_of_shift(look: str) -> tuple[Look, ...]:
    """The looks that the scenes of `game-CAUSE` take in turn; those of `game-all` are all combinations of changes."""
    name = look.removeprefix(PREFIX)
    return combined({name: 1.0} if name in CAUSES else dict.fromkeys(CAUSES, ALL))


def combined(strengths: dict[str, float]) -> tuple[Look, ...]:
    """The game with some causes at their strengths: one look for each combination of their changes."""
    changes = product(*([(change, s) for change in CAUSES[name]] for name, s in strengths.items()))
    return tuple(reduce(lambda look, change: change[0](look, change[1]), chosen, GAME) for chosen in changes)


def _mix(start: Numbers, end: Numbers, share: float) -> Numbers:
    """Start at share 0, end at share 1."""
    mixed = tuple(a + share * (b - a) for a, b in zip(start, end, strict=True))
    return cast(Numbers, mixed)


def _mixed_habits(start: Habits, end: Habits, share: float) -> Habits:
    """Each number of the habits is mixed."""
    mixed = {}
    for field in fields(Habits):
        own, other = getattr(start, field.name), getattr(end, field.name)
        mixed[field.name] = _mix(own, other, share) if isinstance(own, tuple) else own + share * (other - own)
    return Habits(**mixed)


def _scaled(bounds: Range, factor: float) -> Range:
    return bounds[0] * factor, bounds[1] * factor


def _shorter(visibility: Range, end: Range, share: float) -> Range:
    """Visibility whose inverse, the extinction per metre, is mixed."""
    low, high = ((1 - share) / a + share / b for a, b in zip(visibility, end, strict=True))
    return 1 / low, 1 / high


def _times(first: Colour, second: Colour) -> Colour:
    """Light of one colour on or through another, channel by channel."""
    return first[0] * second[0], first[1] * second[1], first[2] * second[2]


def _dimmed(look: Look, stops: float, sky_stops: float, tint: Colour) -> Look:
    """Less light of another colour on the street, and from sky and air; a stop halves the light."""
    light = _times(tint, _after(stops))
    sky_light = _times(tint, _after(sky_stops))
    return replace(
        look,
        sun=_times(look.sun, light),
        sky=(_times(look.sky[0], sky_light), _times(look.sky[1], sky_light)),
        cloud=_times(look.cloud, sky_light),
        haze=_times(look.haze, sky_light),
    )


def _after(stops: float) -> Colour:
    """What is left of white light after some stops."""
    left = _halved(stops)
    return left, left, left


def _halved(stops: float) -> float:
    """2 to the power of -stops; rounded, as its last bit is the mathematical library's, and fingerprints contain it."""
    return round(2**-stops, 6)


def _repainted(paint: Paint, other: Paint, strength: float) -> Paint:
    """Colours between those of two paints; where one has fewer, they come again."""
    count = max(len(paint.colours), len(other.colours))
    pairs = islice(zip(cycle(paint.colours), cycle(other.colours), strict=False), count)
    return replace(paint, colours=tuple(_mix(own, end, strength) for own, end in pairs))


def _textured(paint: Paint, kind: int, scale: float, contrast: float, strength: float) -> Paint:
    """Kind and scale are the new ones at any strength; the contrast is that between the two textures."""
    return replace(paint, texture=kind, scale=scale, contrast=paint.contrast + strength * (contrast - paint.contrast))
