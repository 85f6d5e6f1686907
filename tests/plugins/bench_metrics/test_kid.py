"""KID equals torchmetrics' for sets of one size, and a loop over pairs for any."""

import itertools

import pytest
import torch
from torchmetrics.image.kid import poly_mmd

from bench_metrics import kid
from bench_metrics.inception import FeatureExtractor
from bench_metrics.inception_distances import InceptionDistances
from bench_metrics.kid import polynomial_mmd
from bench_metrics.options import InceptionOptions


def drawing(first, second, features=32):
    def draw(generator):
        reference = torch.randn(first, features, generator=generator).double()
        return reference, torch.randn(second, features, generator=generator).double() * 1.3 + 0.2

    return draw


def by_pairs(reference, translated):
    def kernel(pair):
        return (pair[0] @ pair[1] / len(pair[0]) + 1) ** 3

    within = [
        torch.stack([kernel(p) for p in itertools.permutations(side, 2)]).mean() for side in (reference, translated)
    ]
    between = torch.stack([kernel(p) for p in itertools.product(reference, translated)]).mean()
    return within[0] + within[1] - 2 * between


def test_kid_equals_that_of_torchmetrics(agrees):
    agrees(polynomial_mmd, poly_mmd, drawing(60, 60))


def test_kid_of_sets_of_two_sizes_equals_a_loop_over_pairs(agrees):
    agrees(polynomial_mmd, by_pairs, drawing(7, 11))


def test_kid_does_not_depend_on_how_many_rows_are_held(monkeypatch):
    features = drawing(50, 30)(torch.Generator().manual_seed(0))
    whole = polynomial_mmd(*features)
    monkeypatch.setattr(kid, "ROWS", 7)
    assert polynomial_mmd(*features) == pytest.approx(whole, rel=1e-12)


def test_kid_is_unbiased_for_small_sets():
    """Over many draws of one distribution it is zero on average, and so falls below zero."""
    generator = torch.Generator().manual_seed(0)
    values = torch.tensor([polynomial_mmd(*torch.randn(2, 10, 8, generator=generator)) for _ in range(400)])
    assert values.min() < 0 < values.max()
    assert abs(values.mean()) < 3 * values.std() / len(values) ** 0.5


def test_the_metric_compares_all_target_with_all_translated_images(weights, classes, context, monkeypatch):
    monkeypatch.setattr(FeatureExtractor, "__call__", lambda self, batch: batch.flatten(1))
    metric = InceptionDistances(InceptionOptions(weights=weights))
    metric.start(classes, context)
    target, translated = torch.rand(6, 3, 2, 2), torch.rand(5, 3, 2, 2)
    for batch in target.split(4):
        metric.reference(batch)
    for batch in translated.split(2):
        metric.update(torch.zeros_like(batch), batch, None)
    expected = by_pairs(target.flatten(1), translated.flatten(1)).item()
    assert metric.compute()["kid"] == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_the_halves_of_the_target_differ_by_noise_alone_whatever_the_order_of_its_images(
    weights, classes, context, monkeypatch
):
    """Images of two looks that take turns, as of haze and rain, are in both halves."""
    monkeypatch.setattr(FeatureExtractor, "__call__", lambda self, batch: batch.flatten(1))
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(40, 3, 4, 4, generator=generator)
    images[::2] *= 0.2
    metric = InceptionDistances(InceptionOptions(weights=weights))
    metric.start(classes, context)
    metric.reference(images)
    metric.update(images, images, None)
    apart = polynomial_mmd(images[::2].flatten(1).double(), images[1::2].flatten(1).double())
    assert abs(metric.details()["target_halves"]["kid"]) < 0.2 * apart
