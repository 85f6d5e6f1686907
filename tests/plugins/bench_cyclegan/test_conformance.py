"""CycleGAN keeps the contract of a translator."""

from bench_cyclegan.options import CycleGANOptions
from bench_cyclegan.translator import CycleGAN
from benchmark import Invertible
from benchmark.testing import TranslatorConformance

TINY = {
    "filters": 4,
    "blocks": 1,
    "downsamplings": 2,
    "discriminator_filters": 4,
    "discriminator_layers": 1,
    "pool": 3,
    "images_seen": 8,
    "checkpoint_every": 3,
    "log_every": 1,
}


class TestCycleGAN(TranslatorConformance):
    abilities = (Invertible,)
    refused = (
        ({"discriminator_layers": 3}, "3 layers need images of at least 24 x 24 pixels, but these are 20 x 28"),
        ({"crop": (40, 24)}, "20 x 28 pixels, but it is 40 x 24"),
    )

    def make(self, **changes):
        return CycleGAN(CycleGANOptions(**TINY | changes))
