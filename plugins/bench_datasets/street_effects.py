"""What only some looks have: lamps at night, rain and wet ground, colour noise and JPEG files."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from bench_datasets.street_looks import GROUND, Lamps, Material, Rain, Range
from bench_datasets.street_scene import FloatMap, Layout

POROUS = (Material.ROAD, Material.SIDEWALK, Material.CURB, Material.TERRAIN)
"""Ground that water soaks into."""

SOAKED = np.float32(0.5)
"""Brightness of soaked ground, as a share of its dry one; light that enters the water film is absorbed there more often
(Lekner and Dorf 1988, Why some things are darker when wet, Applied Optics 27)."""

WATER = np.float32(0.02)
"""Share of light that water reflects at right angles, ((n - 1) / (n + 1))^2 with n = 1.33."""

NEAREST_DROP, FARTHEST_DROP = 0.8, 4.0
"""Metres; nearer drops are too few to matter, farther ones too thin to be seen."""

COLOUR_GRAIN = 1.5
"""Deviation of the Gaussian that gives colour noise its grain, in pixels at 64 rows."""


def add_lamps(
    image: FloatMap, materials: FloatMap, layout: Layout, lamps: Lamps, random: np.random.Generator
) -> FloatMap:
    """Add the light of headlights, and let windows and tail lamps shine.

    Headlights are shaped so as to light the road evenly: what they give falls with the distance rather than with its
    square, and above the horizon there is little of it.

    Args:
        image: The scene in the sun's light, shape (H, W, 3).
        materials: Colours of the surfaces in white light of brightness 1, shape (H, W, 3).
        layout: The scene.
        lamps: What shines.
        random: Draws which windows are lit.
    """
    if lamps.headlights > 0:
        image = image + materials * _headlights(layout, lamps)[..., None] * np.asarray(lamps.colour, np.float32)
    if lamps.glow > 0:
        share = _glow(layout, lamps, random)[layout.surface][..., None]
        tail = np.isin(layout.material, (Material.LAMP,))[layout.surface][..., None]
        image = image + share * np.where(tail, materials, np.asarray(lamps.colour, np.float32))
    return np.asarray(image, np.float32)


def _headlights(layout: Layout, lamps: Lamps) -> FloatMap:
    """Illuminance by the headlights, shape (H, W)."""
    camera, (height, width) = layout.camera, layout.surface.shape
    angle = (np.arange(width, dtype=np.float32) - np.float32(camera.centre)) / np.float32(camera.focal)
    above = np.clip((np.float32(camera.horizon) - np.arange(height, dtype=np.float32)) / np.float32(height), 0, None)
    sideways = np.exp(-0.5 * (angle / np.float32(lamps.beam)) ** 2)[None]
    upwards = (0.1 + 0.9 * np.exp(-above / np.float32(0.06)))[:, None]
    return np.asarray(lamps.headlights * 10 / np.maximum(layout.depth, 4) * sideways * upwards, np.float32)


def _glow(layout: Layout, lamps: Lamps, random: np.random.Generator) -> FloatMap:
    """How brightly each surface shines by itself, shape (surfaces,)."""
    lit = random.random(len(layout.material)) < lamps.windows
    strength = lamps.glow * random.uniform(0.5, 1.0, len(layout.material))
    windows = lit & (layout.material == Material.WINDOW)
    return np.where(windows | (layout.material == Material.LAMP), strength, 0.0).astype(np.float32)


def darken_wet_ground(materials: FloatMap, layout: Layout, rain: Rain) -> FloatMap:
    """Ground that water soaks into is darker."""
    if rain.wetness == 0:
        return materials
    soaked = np.isin(layout.material, POROUS)[layout.surface][..., None]
    return np.where(soaked, materials * (1 - (1 - SOAKED) * np.float32(rain.wetness)), materials)


def reflect_in_wet_ground(image: FloatMap, layout: Layout, rain: Rain) -> FloatMap:
    """Water on the ground reflects what stands above the horizon, most where it is seen at a grazing angle.

    A film on rough ground spreads the reflection over the whole height, so that each column reflects its mean. Its
    share is Schlick's approximation of Fresnel's equations (Schlick 1994, An Inexpensive BRDF Model).
    """
    if rain.wetness == 0:
        return image
    above = image[: max(int(layout.camera.horizon), 1)].mean(axis=0)
    cosine = np.clip(np.float32(layout.camera.height) / np.maximum(layout.depth, 1), 0, 1)
    mirrored = np.float32(rain.wetness) * (WATER + (1 - WATER) * (1 - cosine) ** 5)
    share = np.where(np.isin(layout.material, GROUND)[layout.surface], mirrored, 0)[..., None]
    return np.asarray(image * (1 - share) + above[None] * share, np.float32)


def add_rain(image: FloatMap, layout: Layout, rain: Rain, random: np.random.Generator) -> FloatMap:
    """Drops that fall during the exposure are streaks, as bright as the sky that they refract."""
    height, width = layout.surface.shape
    count = int(random.uniform(*rain.drops) * width / height)
    if count == 0:
        return image
    canvas = Image.new("L", (width, height))
    pen, slant = ImageDraw.Draw(canvas), random.normal(0, 0.15)
    for across, down, near in random.random((count, 3)):
        # drops are as many at each distance of the range, seen in the inverse of the distance
        metres = 1 / (1 / FARTHEST_DROP + near * (1 / NEAREST_DROP - 1 / FARTHEST_DROP))
        length = layout.camera.focal * rain.streak / metres
        x, y = across * width, down * (height + length) - length
        pen.line([x, y, x + slant * length, y + length], fill=255)
    share = np.asarray(canvas, np.float32)[..., None] / np.float32(255) * np.float32(rain.opacity)
    sky = image[: max(int(layout.camera.horizon), 1)].max(axis=2).mean()
    return np.asarray(image * (1 - share) + sky * share, np.float32)


def add_colour_noise(image: FloatMap, deviation: Range, random: np.random.Generator) -> FloatMap:
    """Noise of the colours with a grain of some pixels, since a pixel's colour is made of those of its neighbours.

    Args:
        image: Shape (H, W, 3).
        deviation: Range of the noise's standard deviation in each channel; zeros leave the image alone.
        random: What noise and deviation are drawn from.
    """
    if deviation[1] == 0:
        return image
    strength = random.uniform(*deviation)
    sigma = COLOUR_GRAIN * (image.shape[0] / 64) ** 0.5
    noise = ndimage.gaussian_filter(random.standard_normal(image.shape), (sigma, sigma, 0), mode="wrap")
    noise -= noise.mean(axis=2, keepdims=True)
    return np.asarray(image + strength / noise.std() * noise, np.float32)


def compress(pixels: NDArray[np.uint8], quality: Range, random: np.random.Generator) -> NDArray[np.uint8]:
    """Pixels (H, W, 3) as they come out of a JPEG file of a quality drawn from a range; zeros leave them alone."""
    if quality[1] == 0:
        return pixels
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=int(random.uniform(*quality)))
    return np.asarray(Image.open(file).convert("RGB"))
