"""CUT and FastCUT keep the contract of a translator."""

from bench_cut.options import CUTOptions, FastCUTOptions
from bench_cut.translator import CUT, FastCUT
from benchmark.testing import TranslatorConformance

TINY = {
    "filters": 4,
    "blocks": 1,
    "contrast_blocks": (1,),
    "patches": 16,
    "head_width": 8,
    "discriminator_filters": 4,
    "discriminator_layers": 1,
    "images_seen": 8,
    "checkpoint_every": 3,
    "log_every": 1,
}


class TestCUT(TranslatorConformance):
    refused = (
        ({"discriminator_layers": 3}, "need images of at least 24 x 24 pixels, but these are 20 x 28"),
        ({"crop": (40, 24)}, "20 x 28 pixels, but it is 40 x 24"),
    )

    def make(self, **changes):
        return CUT(CUTOptions(**TINY | changes))


class TestFastCUT(TranslatorConformance):
    def make(self, **changes):
        return FastCUT(FastCUTOptions(**TINY | changes))
