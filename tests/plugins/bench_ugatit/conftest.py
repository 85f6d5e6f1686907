"""Tiny image sets and a U-GAT-IT that trains in a blink."""

import numpy as np
import pytest

from bench_ugatit.options import UGATITOptions
from benchmark import ClassSet
from benchmark.imageset import ImageSet

TINY = {
    "filters": 4,
    "blocks": 1,
    "discriminator_filters": 4,
    "global_layers": 4,
    "local_layers": 3,
    "images_seen": 8,
    "checkpoint_every": 3,
    "log_every": 1,
}


@pytest.fixture
def tiny():
    """Options, changed by keywords."""

    def make(**changes):
        return UGATITOptions(**{**TINY, **changes})

    return make


@pytest.fixture
def domains():
    """A source of reddish and a target of bluish noise."""
    generator = np.random.default_rng(0)
    noise = generator.integers(0, 128, (2, 1, 6, 12, 16, 3), dtype=np.uint8)
    noise[0, ..., 0] += 127
    noise[1, ..., 2] += 127
    classes = ClassSet(("road",), ((0, 0, 0),))
    ids = [str(i) for i in range(6)]
    return ImageSet(noise[0], None, ids, classes), ImageSet(noise[1], None, ids, classes)
