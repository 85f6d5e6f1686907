"""The colour translators keep the contract of a translator."""

from bench_colour.options import ReinhardOptions
from bench_colour.reinhard import Reinhard
from benchmark.testing import TranslatorConformance


class TestReinhard(TranslatorConformance):
    learns = False

    def make(self, **changes):
        return Reinhard(ReinhardOptions(**changes))


class TestReinhardOfSingleImages(TestReinhard):
    def make(self, **changes):
        return super().make(statistics="image", **changes)
