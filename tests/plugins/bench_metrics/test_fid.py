"""The Fréchet distance equals pytorch-fid's own function, singular covariances included."""

import numpy as np
import pytest
import torch
from pytorch_fid.fid_score import calculate_frechet_distance

from bench_metrics.fid import frechet_distance
from bench_metrics.inception import FeatureExtractor
from bench_metrics.inception_distances import InceptionDistances
from bench_metrics.options import InceptionOptions

CASES = [(80, 120, 16), (30, 30, 30), (20, 90, 48), (12, 15, 64)]
"""Numbers of reference and translated images and of features; the covariances of the last two are singular."""


def pytorch_fid(reference, translated):
    moments = [(side.mean(axis=0), np.cov(side, rowvar=False)) for side in (reference.numpy(), translated.numpy())]
    return calculate_frechet_distance(*moments[0], *moments[1])


@pytest.mark.parametrize(("first", "second", "features"), CASES)
def test_the_distance_equals_that_of_pytorch_fid(first, second, features, agrees):
    def draw(generator):
        mixing = torch.randn(features, features, generator=generator)
        reference = torch.randn(first, features, generator=generator).double()
        translated = (torch.randn(second, features, generator=generator) @ mixing / features**0.5 + 0.2).double()
        return reference, translated

    agrees(frechet_distance, pytorch_fid, draw, relative=1e-6)


def test_the_distance_of_two_normal_lines_is_known_in_closed_form():
    """Means 0 and 3, standard deviations 1 and 2: 3^2 + (2 - 1)^2."""
    quantiles = torch.special.ndtri((torch.arange(20_000) + 0.5) / 20_000).double()
    unit = (quantiles / quantiles.std()).unsqueeze(1)
    assert frechet_distance(unit, 3 + 2 * unit) == pytest.approx(10.0, rel=1e-6)


def test_equal_sets_are_at_distance_zero_and_never_below():
    features = torch.randn(40, 16, generator=torch.Generator().manual_seed(0))
    assert 0 <= frechet_distance(features, features.flip(0)) < 1e-9


def test_the_metric_is_the_distance_between_all_target_and_all_translated_images(
    weights, classes, context, monkeypatch
):
    monkeypatch.setattr(FeatureExtractor, "__call__", lambda self, batch: batch.mean(dim=2).flatten(1))
    metric = InceptionDistances(InceptionOptions(weights=weights))
    metric.start(classes, context)
    target, translated = torch.rand(9, 3, 4, 4), torch.rand(7, 3, 4, 4)
    for batch in target.split(4):
        metric.reference(batch)
    for batch in translated.split(3):
        metric.update(torch.zeros_like(batch), batch, None)
    expected = pytorch_fid(*(side.mean(dim=2).flatten(1).double() for side in (target, translated)))
    assert metric.compute()["fid"] == pytest.approx(expected, rel=1e-4)


def test_few_images_are_noted_as_a_bias(weights, classes, context, monkeypatch):
    monkeypatch.setattr(FeatureExtractor, "__call__", lambda self, batch: batch)
    metric = InceptionDistances(InceptionOptions(weights=weights))
    metric.start(classes, context)
    metric.reference(torch.zeros(2048, 1))
    metric.update(None, torch.zeros(2047, 1), None)
    assert metric.details()["note"].endswith("; FID is biased upwards: 2047 images for 2048 features; prefer KID")
    metric.update(None, torch.zeros(1, 1), None)
    assert "biased" not in metric.details()["note"]
