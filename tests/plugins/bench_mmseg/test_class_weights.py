"""Class weights against formulas worked out by hand."""

import math

import pytest
import torch

from bench_mmseg.class_weights import enet_weights, label_counts, median_frequency_weights


@pytest.fixture
def labels():
    """Two images of four pixels; class 2 is in the second alone, class 3 in none, one pixel is ignored."""
    return [torch.tensor([[0, 0], [0, 1]], dtype=torch.uint8), torch.tensor([[0, 2], [2, 255]], dtype=torch.uint8)]


def test_pixels_are_counted_by_class_and_by_images_that_show_it(labels):
    pixels, shown = label_counts(labels, 4)
    assert pixels.tolist() == [4, 1, 2, 0]
    assert shown.tolist() == [7, 4, 3, 0]


def test_enet_weights_follow_the_paper(labels):
    pixels, _ = label_counts(labels, 4)
    expected = [1 / math.log(1.02 + share) for share in (4 / 7, 1 / 7, 2 / 7, 0)]
    assert enet_weights(pixels).tolist() == pytest.approx(expected)


def test_median_frequency_weights_follow_the_paper(labels):
    frequencies = [4 / 7, 1 / 4, 2 / 3]
    expected = [(4 / 7) / frequency for frequency in frequencies]
    assert median_frequency_weights(*label_counts(labels, 4)).tolist() == pytest.approx([*expected, 0])
