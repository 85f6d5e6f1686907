"""CyCADA keeps the contract of a translator that is given a segmenter and source labels."""

from bench_cycada.options import CyCADAOptions
from bench_cycada.translator import CyCADA
from benchmark import Invertible
from benchmark.testing import TranslatorConformance

TINY = {
    "filters": 4,
    "blocks": 1,
    "discriminator_filters": 4,
    "discriminator_layers": 1,
    "pool": 3,
    "confidence": 0.0,
    "images_seen": 8,
    "checkpoint_every": 3,
    "log_every": 1,
}


class TestCyCADA(TranslatorConformance):
    needs = ("source_segmenter", "source_labels")
    abilities = (Invertible,)

    def make(self, **changes):
        return CyCADA(CyCADAOptions(**{**TINY, **changes}))


class TestCyCADAByLabels(TestCyCADA):
    def make(self, **changes):
        return super().make(source_classes="label", **changes)
