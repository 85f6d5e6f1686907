"""Class-balanced sampling against its formula."""

import math
from collections import Counter

import numpy as np
import pytest
import torch

from bench_mmseg.batches import training_batches
from bench_mmseg.class_weights import image_counts
from bench_mmseg.options import DeepLabV3Options
from bench_mmseg.sampling import ClassBalancedOrder, class_probabilities
from benchmark import IGNORE, ClassSet, DataError
from benchmark.api.imageset import ImageSet
from benchmark.api.stage_context import StageContext

CLASSES = ClassSet(("sky", "road", "car", "train"), ((0, 0, 0), (1, 1, 1), (2, 2, 2), (3, 3, 3)))
SHARES = (16 / 32, 12 / 32, 3 / 32)
"""Of the pixels below; one is ignored, and no image shows a train."""


@pytest.fixture
def data():
    """Four images of 2 x 4 pixels: sky and road in all but the last, which is sky alone; cars in the second alone."""
    labels = np.array([[[0, 0, 0, 0], [1, 1, 1, 1]]] * 3 + [[[0, 0, 0, 0], [0, 0, 0, 0]]], dtype=np.uint8)
    labels[1, 0] = [2, 2, 2, IGNORE]
    labels[1, 1] = [1, 1, 1, 1]
    images = np.arange(4, dtype=np.uint8)[None, :, None, None, None].repeat(2, 2).repeat(4, 3).repeat(3, 4)
    return ImageSet(np.concatenate([images, 100 + images]), labels, list("abcd"), CLASSES)


@pytest.fixture
def counts(data):
    return image_counts([data.label_batch([index]) for index in range(4)], 4)


def formula(temperature):
    weights = [math.exp((1 - share) / temperature) for share in SHARES]
    return [weight / sum(weights) for weight in weights]


@pytest.mark.parametrize("temperature", [0.05, 0.5, 10])
def test_classes_are_drawn_by_the_formula_of_the_paper(counts, temperature):
    probabilities = class_probabilities(counts, 32, temperature).tolist()
    assert probabilities == pytest.approx([*formula(temperature), 0])


def test_images_are_drawn_by_the_classes_that_they_contain(data, tmp_path):
    order = ClassBalancedOrder(data, 0.5, StageContext(tmp_path, seed=0))
    drawn = Counter(index for step in range(3000) for _, index in order.positions(step, 4))
    sky, road, car = formula(0.5)
    expected = [sky / 3 + road / 3, road / 3 + car, sky / 3 + road / 3, sky / 3]
    assert [drawn[index] / 12_000 for index in range(4)] == pytest.approx(expected, abs=0.015)


def test_a_low_temperature_draws_the_rarest_class_nearly_always(data, tmp_path):
    order = ClassBalancedOrder(data, 0.01, StageContext(tmp_path, seed=0))
    assert {index for _, index in order.positions(0, 50)} == {1}


def test_what_is_drawn_depends_on_the_step_and_the_seed_alone(data, tmp_path):
    def drawn(seed, step):
        return ClassBalancedOrder(data, 0.5, StageContext(tmp_path, seed=seed)).positions(step, 30)

    assert drawn(0, 5) == drawn(0, 5)
    assert drawn(0, 5) != drawn(1, 5)
    assert [index for _, index in drawn(0, 5)] != [index for _, index in drawn(0, 6)]


def test_each_draw_of_an_image_has_a_variant_of_its_own(data, tmp_path):
    options = DeepLabV3Options(sampling="class-balanced", batch_size=16)
    images = training_batches(data, options, StageContext(tmp_path))(0)["images"]
    assert set((images[:, 0, 0, 0] * 255).round().int().tolist()) == {1, 101}


def test_the_option_reaches_the_batches_with_the_labels_of_their_images(data, tmp_path):
    options = DeepLabV3Options(sampling="class-balanced", batch_size=8, flip=False)
    batch = training_batches(data, options, StageContext(tmp_path))(3)
    assert torch.equal(batch["labels"], data.label_batch([1] * 8))
    uniform = training_batches(data, DeepLabV3Options(batch_size=4, flip=False), StageContext(tmp_path))(3)
    assert sorted((uniform["images"][:, 0, 0, 0] * 255).round().int() % 100) == [0, 1, 2, 3]


def test_labels_without_a_labelled_pixel_are_refused(data, tmp_path):
    data.labels[:] = IGNORE
    with pytest.raises(DataError, match='sampling = "class-balanced": expected labelled pixels'):
        ClassBalancedOrder(data, 0.01, StageContext(tmp_path))
