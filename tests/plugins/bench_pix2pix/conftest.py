"""Tiny pairs of images and a pix2pix that trains in a blink."""

import numpy as np
import pytest

from bench_pix2pix.options import Pix2PixOptions
from benchmark import ClassSet
from benchmark.api.imageset import ImageSet

TINY = {
    "filters": 4,
    "downsamplings": 4,
    "discriminator_filters": 4,
    "discriminator_layers": 1,
    "images_seen": 8,
    "checkpoint_every": 3,
    "log_every": 1,
}


@pytest.fixture
def tiny():
    """Options, changed by keywords."""

    def make(**changes):
        return Pix2PixOptions(**{**TINY, **changes})

    return make


@pytest.fixture
def pairs():
    """Noise, and the same noise in negative."""
    noise = np.random.default_rng(0).integers(0, 256, (1, 6, 12, 16, 3), dtype=np.uint8)
    classes = ClassSet(("road",), ((0, 0, 0),))
    ids = [str(i) for i in range(6)]
    return ImageSet(noise, None, ids, classes), ImageSet(255 - noise, None, ids, classes)
