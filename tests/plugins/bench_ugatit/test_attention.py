"""Attention by class activation, against the sentence of the paper written out."""

import pytest
import torch
from torch import nn

from bench_ugatit.attention import ClassAttention, feature_heatmap


@pytest.fixture
def features():
    return torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("spectral", [False, True])
def test_copies_of_the_features_weighed_by_the_classifiers_are_merged(features, spectral):
    attention = ClassAttention(3, nn.ReLU(), spectral)
    by_mean = features * attention.of_mean.weight.view(1, 3, 1, 1)
    by_maximum = features * attention.of_maximum.weight.view(1, 3, 1, 1)
    expected = torch.relu(attention.merge(torch.cat([by_mean, by_maximum], dim=1)))
    torch.testing.assert_close(attention(features)[0], expected)


@pytest.mark.parametrize("spectral", [False, True])
def test_one_classifier_sees_means_and_the_other_maxima(features, spectral):
    attention = ClassAttention(3, nn.ReLU(), spectral)
    weights = [layer.weight[0] for layer in (attention.of_mean, attention.of_maximum)]
    if spectral:
        weights = [weight / weight.norm() for weight in weights]
    expected = torch.stack([features.mean((2, 3)) @ weights[0], features.amax((2, 3)) @ weights[1]], dim=1)
    torch.testing.assert_close(attention(features)[1], expected)


def test_logits_are_in_float32_under_autocast(features):
    attention = ClassAttention(3, nn.ReLU())
    with torch.autocast("cpu", torch.bfloat16):
        attended, logits = attention(features)
    assert (attended.dtype, logits.dtype) == (torch.bfloat16, torch.float32)
    torch.testing.assert_close(logits, attention(features)[1])


def test_a_heat_map_is_largest_where_the_features_are_and_covers_the_range():
    attended = torch.zeros(2, 3, 4, 6)
    attended[0, 1, 1, 2] = 5.0
    attended[1, :, 3, 0] = 0.1
    maps = feature_heatmap(attended, 4, 14, 23)
    assert maps.shape == (2, 1, 14, 23)
    assert maps.amin((1, 2, 3)).tolist() == [0, 0]
    assert maps.amax((1, 2, 3)).tolist() == [1, 1]
    row, column = divmod(int(maps[0].argmax()), 23)
    assert (row // 4, column // 4) == (1, 2)


@pytest.mark.parametrize("value", [0.0, 0.3, 1e4])
def test_the_heat_map_of_features_that_are_alike_everywhere_is_empty(value):
    attended = value * (1 + 1e-7 * torch.rand(1, 8, 4, 6, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(feature_heatmap(attended, 4, 16, 24), torch.zeros(1, 1, 16, 24))
