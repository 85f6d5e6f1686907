"""Padding, 8-bit pixels and checksums."""

import zlib

import numpy as np
import pytest
import torch

from bench_engine.images import checksums, pad_to_multiple, to_8bit


def ramp(height, width):
    return torch.arange(height * width).float().view(1, 1, height, width)


@pytest.mark.parametrize("size", [(5, 7), (1, 1), (2, 3), (8, 9)])
def test_padding_mirrors_as_numpy_does(size):
    padded = pad_to_multiple(ramp(*size), 4, minimum=8)
    height, width = padded.shape[2:]
    assert height % 4 == width % 4 == 0
    assert min(height, width) >= 8
    expected = np.pad(ramp(*size)[0, 0].numpy(), ((0, height - size[0]), (0, width - size[1])), mode="reflect")
    np.testing.assert_array_equal(padded[0, 0].numpy(), expected)


def test_images_that_fit_are_returned_as_they_are():
    images = ramp(8, 12)
    assert pad_to_multiple(images, 4, minimum=8) is images


def test_8_bit_pixels_are_the_nearest_and_stay_in_range():
    pixels = to_8bit(torch.tensor([-1.0, 0.0, 0.7 / 255, 254.4 / 255, 254.6 / 255, 1.0, 2.0]))
    assert pixels.tolist() == [0, 0, 1, 254, 255, 255, 255]
    assert pixels.dtype == torch.uint8


def test_a_checksum_depends_on_the_8_bit_pixels_of_an_image_alone():
    images = torch.randint(0, 256, (3, 3, 5, 7)) / 255
    known = [zlib.crc32((image * 255).round().byte().numpy().tobytes()) for image in images]
    assert checksums(images) == known
    assert checksums(images.contiguous(memory_format=torch.channels_last) + 1e-4) == known
    assert checksums(images[1:2]) == known[1:2]
    assert checksums(images + 1 / 255) != known
