"""The colour translators keep the contract of a translator."""

from bench_colour.fda import FDA
from bench_colour.histogram import Histogram
from bench_colour.options import FDAOptions, HistogramOptions, ReinhardOptions
from bench_colour.reinhard import Reinhard
from benchmark import MultiVariant
from benchmark.testing import TranslatorConformance


class TestReinhard(TranslatorConformance):
    learns = False

    def make(self, **changes):
        return Reinhard(ReinhardOptions(**changes))


class TestReinhardOfSingleImages(TestReinhard):
    def make(self, **changes):
        return super().make(statistics="image", **changes)


class TestHistogram(TranslatorConformance):
    learns = False

    def make(self, **changes):
        return Histogram(HistogramOptions(**changes))


class TestHistogramOfSingleImages(TestHistogram):
    def make(self, **changes):
        return super().make(statistics="image", **changes)


class TestFDA(TranslatorConformance):
    learns = False
    abilities = (MultiVariant,)

    def make(self, **changes):
        return FDA(FDAOptions(**{"beta": 0.1, "variants": 3, **changes}))
