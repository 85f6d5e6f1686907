"""Paints a laid-out street in one of the looks: materials, light, air, lens and sensor, in this order."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy import ndimage

from bench_datasets.street_effects import (
    add_colour_noise,
    add_lamps,
    add_rain,
    compress,
    darken_wet_ground,
    reflect_in_wet_ground,
)
from bench_datasets.street_looks import GROUND, Look, Material
from bench_datasets.street_scene import FloatMap, Layout

TILE = 256
LUMA = np.asarray([0.299, 0.587, 0.114], np.float32)


def paint(layout: Layout, look: Look, random: np.random.Generator, scale: int) -> NDArray[np.uint8]:
    """An 8-bit RGB image (H, W, 3) of a layout that was drawn `scale` times as large."""
    # What only some looks have is drawn from a stream of its own: the other draws of a scene are the same in all looks.
    (extras,) = random.spawn(1)
    materials = darken_wet_ground(_materials(layout, look, random), layout, look.rain)
    image = materials * _light(layout, look, random)[..., None] * np.asarray(look.sun, np.float32)
    image = add_lamps(image, materials, layout, look.lamps, extras)
    image = _air(image, layout, look, random)
    image = _sky(image, layout, look, random)
    image = add_rain(reflect_in_wet_ground(image, layout, look.rain), layout, look.rain, extras)
    height, width = layout.surface.shape[0] // scale, layout.surface.shape[1] // scale
    image = image.reshape(height, scale, width, scale, 3).mean(axis=(1, 3))
    image = add_colour_noise(_lens(image, look, random), look.colour_noise, extras)
    return compress(_sensor(image, look, random), look.jpeg, extras)


@lru_cache(maxsize=1)
def _tiles() -> FloatMap:
    """The texture kinds as tiles that repeat without a seam, shape (4, TILE, TILE), each within about [-1, 1]."""
    random = np.random.default_rng(20)
    grain = random.standard_normal((TILE, TILE))
    cloudy = sum(
        weight * _unit(ndimage.gaussian_filter(random.standard_normal((TILE, TILE)), sigma, mode="wrap"))
        for weight, sigma in ((0.6, 6), (0.4, 2))
    )
    boards = np.broadcast_to(np.where(np.arange(TILE) % 8 < 4, 1.0, -1.0), (TILE, TILE))
    step = np.arange(TILE) % 8 == 0
    joints = np.where(step[:, None] | step[None, :], -1.0, 0.25)
    return np.stack([grain * 0.6, np.asarray(cloudy) * 0.7, boards, joints]).astype(np.float32)


def _unit(field: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((field - field.mean()) / field.std())


def _materials(layout: Layout, look: Look, random: np.random.Generator) -> FloatMap:
    """Colour times texture; each surface draws its own colour, brightness and place on the texture tile."""
    paints = [look.paints[Material(material)] for material in layout.material]
    count = len(paints)
    choice = random.random(count)
    colours = np.asarray([p.colours[int(c * len(p.colours))] for p, c in zip(paints, choice, strict=True)], np.float32)
    jitter = np.asarray([p.jitter for p in paints], np.float32)
    colours *= (1 + jitter * random.standard_normal(count).astype(np.float32))[:, None]
    kind = np.asarray([p.texture for p in paints])
    per_metre = np.asarray([p.scale for p in paints], np.float32)
    contrast = np.asarray([p.contrast for p in paints], np.float32)
    shift = random.integers(0, TILE, (2, count))
    surface = layout.surface
    u, v = (
        (metres * per_metre[surface]).astype(np.int32) + start[surface]
        for metres, start in zip((layout.along, layout.across), shift, strict=True)
    )
    texture = _tiles()[kind[surface], v % TILE, u % TILE] * contrast[surface]
    return np.asarray(colours[surface] * (1 + texture)[..., None], np.float32)


def _light(layout: Layout, look: Look, random: np.random.Generator) -> FloatMap:
    """Brightness of each pixel: the exposure, less the shadows on the ground."""
    exposure, darkness = random.uniform(*look.exposure), random.uniform(*look.shadow)
    shadow = layout.shadow
    if look.shadow_blur > 0:
        blur = ImageFilter.BoxBlur(look.shadow_blur * shadow.shape[0])
        shadow = np.asarray(Image.fromarray((shadow * 255).astype(np.uint8)).filter(blur), np.float32) / np.float32(255)
    on_ground = np.isin(layout.material, GROUND)[layout.surface]
    return np.asarray(exposure * (1 - darkness * shadow * on_ground), np.float32)


def _air(image: FloatMap, layout: Layout, look: Look, random: np.random.Generator) -> FloatMap:
    """The haze that grows with the distance."""
    clear = np.exp(-layout.depth / np.float32(random.uniform(*look.visibility)))[..., None]
    return np.asarray(image * clear + np.asarray(look.haze, np.float32) * (1 - clear), np.float32)


def _sky(image: FloatMap, layout: Layout, look: Look, random: np.random.Generator) -> FloatMap:
    """A gradient from zenith to horizon with clouds, wherever nothing stands before it."""
    height, width = layout.surface.shape
    rows = max(int(height * 0.6), 1)
    share = np.linspace(0, 1, rows, dtype=np.float32)[:, None, None]
    zenith, horizon, cloud = (np.asarray(c, np.float32) for c in (*look.sky, look.cloud))
    top, left = random.integers(0, TILE, 2)
    v = (np.arange(rows) * (192 / height)).astype(int) + top
    u = (np.arange(width) * (96 / height)).astype(int) + left
    cover = np.float32(random.uniform(*look.cloud_cover))
    clouds = np.clip(_tiles()[1][np.ix_(v % TILE, u % TILE)] - 1 + 2 * cover, 0, 1)[..., None] * np.float32(0.8)
    sky = (zenith * (1 - share) + horizon * share) * (1 - clouds) + cloud * clouds
    np.copyto(image[:rows], sky, where=(layout.surface[:rows] == 0)[..., None])
    return image


def _lens(image: FloatMap, look: Look, random: np.random.Generator) -> FloatMap:
    """Blur or sharpening, and darker corners."""
    height, width = image.shape[:2]
    sigma = random.uniform(*look.blur) * (height / 64) ** 0.5  # larger pictures come from better lenses
    if sigma > 0:
        image = ndimage.gaussian_filter(image, (sigma, sigma, 0), truncate=2.5)
    if look.sharpen > 0:
        image = image + np.float32(look.sharpen) * (image - ndimage.uniform_filter(image, (3, 3, 1)))
    if look.vignette > 0:
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        x = np.linspace(-1, 1, width, dtype=np.float32)[None]
        image = image * (1 - np.float32(look.vignette / 2) * (x * x + y * y))[..., None]
    return image


def _sensor(image: FloatMap, look: Look, random: np.random.Generator) -> NDArray[np.uint8]:
    """Saturation, tone curve, contrast and noise, in 8 bits."""
    # Not as a matrix product: that rounds as the BLAS kernel of the machine does.
    grey = image[..., :1] * LUMA[0] + image[..., 1:2] * LUMA[1] + image[..., 2:] * LUMA[2]
    image = np.clip(grey + np.float32(look.saturation) * (image - grey), 0, 1)
    image = (image ** np.float32(look.tone) - 0.5) * np.float32(look.contrast) + 0.5
    strength = random.uniform(*look.noise)
    if strength > 0:
        image = image + np.float32(strength) * random.standard_normal(image.shape, dtype=np.float32)
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
