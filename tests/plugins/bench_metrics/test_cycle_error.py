"""The cycle error is the mean absolute difference after there and back, and needs a way back."""

import numpy as np
import pytest
import torch

from bench_metrics.cycle_error import CycleError
from benchmark import PluginError, PluginOptions, Unavailable


class Darkens:
    """Halves what it is given; the way back adds a tenth too much."""

    def translate(self, images, variant=0):
        return images / 2

    def inverse(self, images):
        return images * 2 + 0.1


@pytest.fixture
def started(classes, context):
    def start(translator):
        context.translator = translator
        metric = CycleError(PluginOptions())
        metric.start(classes, context)
        return metric

    return start


def test_the_error_is_the_mean_absolute_difference_after_there_and_back(started):
    images = torch.rand(3, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    metric = started(Darkens())
    metric.update(images, Darkens().translate(images), None)
    assert metric.compute() == {"cycle_error": pytest.approx(0.1, abs=1e-6)}


def test_it_equals_numpys_mean_over_images_whatever_the_batches(started):
    source, translated = torch.rand(2, 4, 3, 5, 7, generator=torch.Generator().manual_seed(1))
    metric = started(Darkens())
    for batch in (slice(0, 1), slice(1, 4)):
        metric.update(source[batch], translated[batch], None)
    expected = np.abs(source.numpy() - (2 * translated.numpy() + 0.1)).mean()
    assert metric.compute()["cycle_error"] == pytest.approx(expected, rel=1e-6)
    assert metric.details() == {"images": 4}


def test_a_perfect_way_back_costs_no_more_than_the_rounding_of_stored_images(started):
    class Inverts:
        def inverse(self, images):
            return 1 - images

    images = torch.rand(2, 3, 40, 40, generator=torch.Generator().manual_seed(2))
    metric = started(Inverts())
    metric.update(images, (1 - images).mul(255).round() / 255, None)
    assert metric.compute()["cycle_error"] == pytest.approx(0.25 / 255, rel=0.05)


@pytest.mark.parametrize("translator", [object(), None])
def test_a_translator_without_a_way_back_has_no_cycle_error(started, translator):
    with pytest.raises(Unavailable, match="needs a translator with a way back"):
        started(translator)


def test_a_way_back_to_another_shape_is_refused(started):
    class Averages:
        def inverse(self, images):
            return images.mean(dim=1, keepdim=True)

    images = torch.rand(2, 3, 4, 4)
    metric = started(Averages())
    with pytest.raises(PluginError, match=r"shape \(2, 1, 4, 4\), but \(2, 3, 4, 4\) was expected"):
        metric.update(images, images, None)


def test_without_images_there_is_a_reason(started):
    with pytest.raises(Unavailable, match="at least one translated image"):
        started(Darkens()).compute()
