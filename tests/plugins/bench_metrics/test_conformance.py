"""All shipped metrics keep the contract of a metric."""

from typing import ClassVar

import pytest
import torch

from bench_metrics.cycle_error import CycleError
from bench_metrics.diversity import Diversity
from bench_metrics.inception import FeatureExtractor
from bench_metrics.inception_distances import InceptionDistances
from bench_metrics.label_colours import LabelColours
from bench_metrics.options import InceptionOptions
from bench_metrics.segmentation import SegmentationScores
from bench_metrics.semantic_flip import SemanticFlip, SourceFlip
from bench_metrics.ssim import SSIM
from benchmark import IGNORE, PluginOptions
from benchmark.testing import MetricConformance
from benchmark.testing.domains import CLASSES

SCORES = ("pixel_accuracy", "mean_pixel_accuracy", "miou", "fwiou")


def share_of_right_pixels(data):
    counted = data.labels != IGNORE
    return float((data.predictions == data.labels)[counted].double().mean())


class TestSegmentationScores(MetricConformance):
    perfect = dict.fromkeys(SCORES, 1.0)
    worst = dict.fromkeys(SCORES, 0.0)
    expected: ClassVar = {"pixel_accuracy": share_of_right_pixels}

    def make(self, **changes):
        return SegmentationScores(PluginOptions(**changes))


class TestSSIM(MetricConformance):
    perfect: ClassVar = {"ssim": 1.0}

    def make(self, **changes):
        return SSIM(PluginOptions(**changes))


class TestSemanticFlip(MetricConformance):
    needs = ("target_segmenter",)

    def make(self, **changes):
        return SemanticFlip(PluginOptions(**changes))


class TestSourceFlip(MetricConformance):
    needs = ("source_segmenter",)

    def make(self, **changes):
        return SourceFlip(PluginOptions(**changes))


class TestCycleError(MetricConformance):
    needs = ("translator",)
    worst: ClassVar = {"cycle_error": 0.0}  # the inverse of the translator is the negative, too

    def make(self, **changes):
        return CycleError(PluginOptions(**changes))


class TestDiversity(MetricConformance):
    perfect: ClassVar = {"diversity": 0.0}  # equal variants

    def make(self, **changes):
        return Diversity(PluginOptions(**changes))


class TestLabelColours(MetricConformance):
    def make(self, **changes):
        return LabelColours(PluginOptions(**changes))

    def data(self, size=None):
        data = super().data(size)
        palette = torch.tensor(CLASSES.palette) / 255
        painted = palette[data.predictions.long()].permute(0, 3, 1, 2)
        return data._replace(variants=torch.stack([painted, painted]), target=painted)


class TestInceptionDistances(MetricConformance):
    needs = ("reference",)
    perfect: ClassVar = {"fid": 0.0}

    @pytest.fixture(autouse=True)
    def _small_network(self, weights, monkeypatch):
        """Means of columns in place of a network that takes seconds."""
        self.weights = weights
        features = lambda self, images: images.mean(dim=3).flatten(1)[:, :9]  # noqa: E731
        monkeypatch.setattr(FeatureExtractor, "__call__", features)

    def make(self, **changes):
        return InceptionDistances(InceptionOptions(weights=self.weights, **changes))
