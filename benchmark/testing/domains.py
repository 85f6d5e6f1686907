"""Two tiny domains to train on: painted scenes of three classes, each domain in colours of its own."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.api.dataset import IGNORE, ClassSet
from benchmark.api.imageset import ImageSet

CLASSES = ClassSet(("sky", "road", "car"), ((70, 130, 180), (128, 64, 128), (0, 0, 142)))

Colours = tuple[tuple[int, int, int], ...]
WARM: Colours = ((200, 170, 140), (120, 80, 60), (210, 60, 40))
COLD: Colours = ((110, 140, 190), (50, 70, 110), (40, 60, 200))
"""8-bit RGB of the three classes, in the source and in the target domain."""

NOISE = 15


class Domains(NamedTuple):
    """What a translator or a segmenter is fitted on; the validation set is for segmenters, where a check gives one."""

    source: ImageSet
    target: ImageSet
    validation: ImageSet | None = None


def make_domains(
    needs: Collection[str],
    size: tuple[int, int],
    count: int = 6,
    looks: tuple[Colours, Colours] = (WARM, COLD),
    noise: int = NOISE,
) -> Domains:
    """The same two image sets at each call, as the harness would give them to a translator with these needs.

    Args:
        needs: Of the translator's registration. Source labels are there for `source_labels` alone; with `paired`,
            both sets show the same scenes under the same ids, else scenes and numbers of images differ.
        size: Height and width in pixels.
        count: Source images; unless paired, target images are one less where that leaves one.
        looks: Colours of the classes in the source and in the target domain.
        noise: Largest deviation from the colour of the class, in 8-bit levels.
    """
    generator = np.random.default_rng(0)
    scenes = _scenes(generator, count, size)
    source = _painted_set(generator, scenes, "scene", looks[0], noise)
    if "paired" in needs:
        target = _painted_set(generator, scenes, "scene", looks[1], noise)
    else:
        other_scenes = _scenes(generator, max(count - 1, 1), size)
        target = _painted_set(generator, other_scenes, "other", looks[1], noise)
    if "source_labels" not in needs:
        source = source.without_labels()
    return Domains(source, target.without_labels())


def _scenes(generator: np.random.Generator, count: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Label maps, shape (count, H, W): sky above a road, and a car."""
    height, width = size
    labels = np.zeros((count, height, width), dtype=np.uint8)
    for label in labels:
        horizon = generator.integers(height // 3, height // 2 + 1)
        left = generator.integers(0, width // 2 + 1)
        label[horizon:] = 1
        label[horizon - 1 : horizon + height // 4, left : left + width // 3] = 2
    return labels


def _painted_set(
    generator: np.random.Generator, scenes: NDArray[np.uint8], name: str, look: Colours, noise: int
) -> ImageSet:
    """Scenes in the colours of a domain; the lowest row of pixels counts for no class, as in real label maps."""
    noise_levels = generator.integers(-noise, noise + 1, (*scenes.shape, 3))
    pixels = np.array(look)[scenes] + noise_levels
    labels = scenes.copy()
    labels[:, -1] = IGNORE
    ids = [f"{name}-{number}" for number in range(len(scenes))]
    return ImageSet(pixels.clip(0, 255).astype(np.uint8)[None], labels, ids, CLASSES)
