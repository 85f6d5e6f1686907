"""Small labelled images."""

import numpy as np
import pytest

from benchmark import ClassSet
from benchmark.api.imageset import ImageSet

CLASSES = ClassSet(("sky", "road", "car"), ((70, 130, 180), (128, 64, 128), (0, 0, 142)))


def painted(count, size=(32, 48), variants=1, seed=0):
    """Sky above road with a car on it, in noisy colours of their own."""
    generator = np.random.default_rng(seed)
    height, width = size
    labels = np.ones((count, height, width), np.uint8)
    for label in labels:
        label[: generator.integers(height // 4, height // 2)] = 0
        top, left = generator.integers(height // 2, height - 8), generator.integers(0, width - 12)
        label[top : top + 8, left : left + 12] = 2
    colours = np.array(CLASSES.palette)[labels]
    images = colours[None] + generator.normal(0, 20, (variants, *colours.shape))
    return ImageSet(images.clip(0, 255).astype(np.uint8), labels, [str(i) for i in range(count)], CLASSES)


@pytest.fixture
def make_set():
    return painted


@pytest.fixture(scope="module")
def four():
    return painted(4)
