"""Diversity equals scipy's mean pairwise city block distance, and needs more than one variant."""

import pytest
import torch
from scipy.spatial.distance import pdist

from bench_metrics.diversity import Diversity, pairwise_distance
from benchmark import PluginOptions, TranslationMetric, Unavailable, VariantMetric


@pytest.fixture
def metric(classes, context):
    metric = Diversity(PluginOptions())
    metric.start(classes, context)
    return metric


@pytest.mark.parametrize("count", [2, 3, 6])
def test_the_distance_equals_that_of_scipy(agrees, count):
    def reference(variants):
        images = variants.double().flatten(2).transpose(0, 1).numpy()
        return [pdist(one, "cityblock").mean() / one.shape[1] for one in images]

    agrees(pairwise_distance, reference, lambda generator: [torch.rand(count, 4, 3, 5, 6, generator=generator)])


def test_equal_variants_have_no_diversity_and_black_beside_white_has_all():
    black = torch.zeros(1, 2, 3, 4, 4)
    assert pairwise_distance(black.repeat(3, 1, 1, 1, 1)).tolist() == [0, 0]
    assert pairwise_distance(torch.cat((black, black + 1))).tolist() == [1, 1]


def test_the_metric_is_the_mean_over_images_whatever_the_batches(metric):
    variants = torch.rand(3, 5, 3, 4, 6, generator=torch.Generator().manual_seed(1))
    for batch in (slice(0, 1), slice(1, 5)):
        metric.update(variants[0, batch], variants[0, batch], None)
        metric.update_variants(variants[:, batch])
    assert metric.compute() == {"diversity": pytest.approx(pairwise_distance(variants).mean().item())}
    assert metric.details() == {"images": 5, "variants": 3}


def test_it_is_given_variants_by_the_harness(metric):
    assert isinstance(metric, VariantMetric)
    assert isinstance(metric, TranslationMetric)


def test_one_variant_alone_has_no_diversity(metric):
    with pytest.raises(Unavailable, match="this translator makes one"):
        metric.update_variants(torch.rand(1, 2, 3, 4, 4))


def test_without_images_there_is_a_reason(metric):
    with pytest.raises(Unavailable, match="at least one translated image"):
        metric.compute()
