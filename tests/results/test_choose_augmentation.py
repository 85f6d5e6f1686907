"""The program that chooses an augmentation changes images as it says, and scores what a segmenter reads in them."""

import numpy as np
import pytest

from benchmark.testing.domains import make_domains
from benchmark.testing.nearest_colour import NearestColour


@pytest.fixture(scope="module")
def choose(program):
    return program("augmentation/choose.py")


@pytest.fixture
def images():
    return make_domains(("source_labels",), (16, 32), count=3).source


def test_every_change_is_another_image_of_the_same_form(choose, images):
    image = np.asarray(images.images[0, 0])
    for name, change in choose.CHANGES.items():
        changed = change(image)
        assert (changed.dtype, changed.shape) == (np.uint8, image.shape), name
        assert not np.array_equal(changed, image), name
        assert np.array_equal(changed, change(image)), name


def test_changes_are_those_of_their_names(choose):
    red = np.zeros((8, 16, 3), np.uint8)
    red[..., 0] = 200
    assert choose.swapped(red)[0, 0].tolist() == [0, 0, 200]
    assert choose.gamma(red)[0, 0].tolist() == [156, 0, 0]
    assert choose.posterised(red)[0, 0].tolist() == [192, 0, 0]
    assert choose.uneven(red)[0, [0, -1], 0].tolist() == [200, 66]
    assert choose.hue(red)[0, 0].argmin() == 2  # a sixth of the circle on from red is yellow


def test_a_change_that_a_segmenter_cannot_read_costs_score(choose, images):
    """It knows the colours of the source, and no others."""
    segmenter = NearestColour()
    assert choose.score(segmenter, images, np.asarray) > choose.score(segmenter, images, choose.swapped)
