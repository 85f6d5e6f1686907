"""U-GAT-IT in its light form keeps the contract of a translator."""

import pytest

from bench_ugatit.translator import UGATIT
from benchmark import HasAttentionMaps, Invertible
from benchmark.testing import TranslatorConformance


class TestUGATIT(TranslatorConformance):
    abilities = (Invertible, HasAttentionMaps)
    refused = (
        ({"global_layers": 5}, "need images of at least 24 x 24 pixels, but these are 20 x 28"),
        ({"crop": (40, 24)}, "20 x 28 pixels, but it is 40 x 24"),
        ({"size": "full", "crop": (20, 24)}, "expected images of 20 x 24 pixels.*but these are 20 x 28"),
    )

    @pytest.fixture(autouse=True)
    def _options(self, tiny):
        self.tiny = tiny

    def make(self, **changes):
        return UGATIT(self.tiny(**changes))
