"""What a plugin returns is refused with the image, the range and the remedy, where it breaks the contract."""

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark import ClassSet, DataError, Sample
from benchmark.stages.contract_checks import ContractBroken, check_images, check_predictions, check_sample

CLASSES = ClassSet(("road", "sky"), ((0, 0, 0), (255, 255, 255)))
GIVEN = torch.rand(4, 3, 6, 8, generator=torch.Generator().manual_seed(0))
IDS = ("a", "b", "c", "d")


def refusal(found, ids=IDS):
    with pytest.raises(ContractBroken) as caught:
        check_images(found, GIVEN, "translator 'gan'", ids)
    return str(caught.value)


def test_images_in_minus_one_to_one_are_refused_with_the_map_to_use():
    said = refusal(GIVEN * 2 - 1)
    assert said.startswith("translator 'gan' returned values from -0.99")
    assert said.endswith("values in [-1, 1]? expected [0, 1]: map with (x + 1) / 2")


def test_images_in_8_bits_are_refused_with_the_map_to_use():
    assert refusal(GIVEN * 255).endswith("values in [0, 255]? expected [0, 1]: map with x / 255")


def test_images_beyond_every_usual_range_are_refused_with_the_range():
    said = refusal(GIVEN * 3 - 1)
    assert "returned values from -0.99" in said
    assert said.endswith("expected [0, 1]: end with clamp(0, 1) where that is meant")


def test_the_image_that_is_out_of_range_is_named():
    found = GIVEN.clone()
    found[2, 1, 3, 4] = 1.01
    assert "to 1.01 in 1 of 4 images, first in image 'c':" in refusal(found)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_one_value_that_is_not_finite_is_told_with_its_image(value):
    found = GIVEN.clone()
    found[1, 0, 0, 0] = value
    assert refusal(found) == (
        "translator 'gan' returned values that are not finite (NaN or infinity) in 1 of 4 images, first in image 'b'"
    )
    assert refusal(found, ids=()).endswith("in 1 of 4 images, first in image 1")


def test_values_that_rounding_leaves_outside_the_range_are_taken():
    found = GIVEN.clone()
    found[0, 0, 0, 0], found[1, 0, 0, 0] = -0.0009, 1.0009
    check_images(found, GIVEN, "translator 'gan'")


@pytest.mark.parametrize("found", [None, np.zeros((4, 6, 8), np.uint8), [0]])
def test_predictions_that_are_no_tensor_are_refused_by_their_type(found):
    with pytest.raises(ContractBroken, match=f"returned {type(found).__name__}, but a tensor was expected"):
        check_predictions(found, (4, 6, 8), 2, "segmenter 'net'")


IMAGE, LABEL = np.zeros((6, 8, 3), np.uint8), np.zeros((6, 8), np.uint8)


@pytest.mark.parametrize(
    ("sample", "says"),
    [
        ((IMAGE, LABEL, "a"), r"expected a Sample\(image, label, id\), but tuple came"),
        (Sample(Image.fromarray(IMAGE), LABEL, "a"), "expected the image as a numpy array, but Image came"),
        (Sample(IMAGE, Image.fromarray(LABEL), "a"), "expected the label as a numpy array, but Image came"),
        (Sample(IMAGE, LABEL.astype(np.int64) - 1, "a"), "expected a label of uint8 train ids, but it is int64"),
    ],
)
def test_samples_of_a_wrong_type_are_refused_by_it(sample, says):
    with pytest.raises(DataError, match=says):
        check_sample(sample, CLASSES, labelled=True, where="here")
