"""CycleGAN keeps the contract of a translator."""

import pytest

from bench_cyclegan.model import CycleGANModel
from bench_cyclegan.translator import CycleGAN
from benchmark import Invertible
from benchmark.testing import TranslatorConformance


class TestCycleGAN(TranslatorConformance):
    abilities = (Invertible,)
    refused = (
        (
            {"discriminator_layers": 3},
            "need images of at least 24 x 24 pixels, but these are 20 x 28",
        ),
        ({"discriminator_steps": 9}, "expected at most the 8 steps of this training, but it is 9"),
        ({"crop": (40, 24)}, "20 x 28 pixels, but it is 40 x 24"),
    )

    @pytest.fixture(autouse=True)
    def _options(self, tiny):
        self.tiny = tiny

    def make(self, **changes):
        return CycleGAN(self.tiny(**{"downsamplings": 2, **changes}))

    def test_a_resumed_training_needs_the_image_pool(self, tmp_path, monkeypatch):
        monkeypatch.setattr(CycleGANModel, "load_training_state", lambda model, state: None)
        with pytest.raises(AssertionError, match="a training interrupted twice and one that was not"):
            self.test_an_interrupted_training_ends_as_an_uninterrupted_one(tmp_path, "fp32")
