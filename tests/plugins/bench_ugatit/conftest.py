"""A U-GAT-IT that trains in a blink."""

import pytest

from bench_ugatit.options import UGATITOptions

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
