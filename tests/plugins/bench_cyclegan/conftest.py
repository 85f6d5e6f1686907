"""A CycleGAN that trains in a blink."""

import pytest

from bench_cyclegan.options import CycleGANOptions

TINY = {
    "filters": 4,
    "blocks": 1,
    "downsamplings": 1,
    "discriminator_filters": 4,
    "discriminator_layers": 1,
    "pool": 3,
    "images_seen": 8,
    "checkpoint_every": 3,
    "log_every": 1,
}


@pytest.fixture
def tiny():
    """Options, changed by keywords."""

    def make(**changes):
        return CycleGANOptions(**{**TINY, **changes})

    return make
