"""Augmented CycleGAN keeps the contract of a translator."""

import pytest

from bench_augmented_cyclegan.translator import AugmentedCycleGAN
from benchmark import Invertible, MultiVariant
from benchmark.testing import TranslatorConformance


class TestAugmentedCycleGAN(TranslatorConformance):
    abilities = (Invertible, MultiVariant)
    refused = (
        ({"source_discriminator_layers": 4}, "need images of at least 49 x 49 pixels, but these are 20 x 28"),
        ({"crop": (40, 24)}, "20 x 28 pixels, but it is 40 x 24"),
    )

    @pytest.fixture(autouse=True)
    def _options(self, tiny):
        self.tiny = tiny

    def make(self, **changes):
        return AugmentedCycleGAN(self.tiny(**{"pool": 3, **changes}))
