"""Every shipped metric returns the values it declares, within their range, and each is described and documented."""

import json
import math
import subprocess
import sys
from pathlib import Path

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
from benchmark import AcceptsImageIds, SegmentationMetric, VariantMetric
from benchmark.registry.registry import SHIPPED, load_registry

METRICS = [SegmentationScores, SSIM, InceptionDistances, SemanticFlip, SourceFlip, CycleError, Diversity, LabelColours]
PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


class Guesses:
    """What metrics are given that need a segmenter or a translator."""

    def predict(self, images):
        return torch.randint(0, 5, (len(images), *images.shape[2:]), dtype=torch.uint8)

    def inverse(self, images):
        return 1 - images


@pytest.fixture
def evaluated(request, classes, context, weights, monkeypatch):
    """The metric of the test after one evaluation on random data."""
    monkeypatch.setattr(FeatureExtractor, "__call__", lambda self, batch: batch.mean(dim=3).flatten(1))
    options = {"weights": weights} if request.param.Options is InceptionOptions else {}
    context.source_segmenter = context.target_segmenter = context.translator = Guesses()
    metric = request.param(request.param.Options(**options))
    metric.start(classes, context)
    if isinstance(metric, SegmentationMetric):
        metric.update(*torch.randint(0, 5, (2, 2, 8, 8), dtype=torch.uint8))
    else:
        labels = torch.randint(0, 5, (3, 12, 12), dtype=torch.uint8)
        if isinstance(metric, AcceptsImageIds):
            metric.name_images(["first", "second", "third"])
        metric.reference(torch.tensor(classes.palette)[labels.long()].permute(0, 3, 1, 2) / 255)
        metric.update(*torch.rand(2, 3, 3, 12, 12), labels)
        if isinstance(metric, VariantMetric):
            metric.update_variants(torch.rand(2, 3, 3, 12, 12))
    return metric


@pytest.mark.parametrize("evaluated", METRICS, indirect=True)
def test_every_declared_value_is_returned_within_its_range(evaluated):
    numbers = evaluated.compute()
    assert list(numbers) == list(evaluated.values)
    for name, value in evaluated.values.items():
        low, high = (math.inf * sign if end is None else end for end, sign in ((value.low, -1), (value.high, 1)))
        assert type(numbers[name]) is float
        assert low <= numbers[name] <= high


def test_entries_in_the_registry_declare_the_values_of_their_classes():
    entries = load_registry(Path(__file__).parents[3]).entries()
    shipped = [entry.spec for entry in entries if entry.kind == "metric" and entry.distribution == SHIPPED]
    declared = {spec.entry.rpartition(":")[2]: set(spec.values) for spec in shipped}
    assert declared == {metric.__name__: set(metric.values) for metric in METRICS}


@pytest.mark.parametrize("evaluated", METRICS, indirect=True)
def test_details_are_plain_json(evaluated):
    details = evaluated.details()
    assert json.loads(json.dumps(details, allow_nan=False)) == details


@pytest.mark.parametrize("metric", METRICS)
def test_every_value_has_a_one_line_summary_and_a_place_in_the_documentation(metric):
    page = PAGE.read_text()
    assert metric.values
    for name, value in metric.values.items():
        assert value.summary.endswith(".")
        assert "\n" not in value.summary
        assert f"`{name}`" in page


def test_options_are_read_without_heavy_libraries():
    code = "import sys, bench_metrics.options; print([m for m in ('torch', 'numpy') if m in sys.modules])"
    environment = {"PYTHONPATH": ":".join(sys.path)}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("field", InceptionOptions.model_fields.values(), ids=InceptionOptions.model_fields)
def test_every_option_is_described(field):
    assert field.description.endswith(".")
