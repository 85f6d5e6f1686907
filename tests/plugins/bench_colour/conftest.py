"""Small image sets of noise."""

import numpy as np
import pytest

from benchmark import ClassSet
from benchmark.api.imageset import ImageSet


@pytest.fixture
def image_set():
    def make(count, seed=0, low=0, high=256, size=(6, 8)):
        pixels = np.random.default_rng(seed).integers(low, high, (1, count, *size, 3), dtype=np.uint8)
        return ImageSet(pixels, None, [str(i) for i in range(count)], ClassSet(("road",), ((0, 0, 0),)))

    return make
