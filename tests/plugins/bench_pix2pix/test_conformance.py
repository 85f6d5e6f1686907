"""pix2pix keeps the contract of a translator."""

from bench_pix2pix.options import Pix2PixOptions
from bench_pix2pix.translator import Pix2Pix
from benchmark.testing import TranslatorConformance

# Five halvings are the least at which a decoder layer drops features.
TINY = {
    "filters": 4,
    "downsamplings": 5,
    "discriminator_filters": 4,
    "discriminator_layers": 1,
    "images_seen": 8,
    "checkpoint_every": 3,
    "log_every": 1,
}


class TestPix2Pix(TranslatorConformance):
    needs = ("paired",)
    refused = (
        ({"discriminator_layers": 3}, "need images of at least 24 x 24 pixels, but these are 20 x 28"),
        ({"crop": (40, 24)}, "20 x 28 pixels, but it is 40 x 24"),
    )

    def make(self, **changes):
        return Pix2Pix(Pix2PixOptions(**TINY | changes))
