"""Padding, ranges and mosaics."""

import zlib

import numpy as np
import pytest
import torch

from bench_gan.images import checksums, denormalize, image_grid, normalize, pad_to_multiple, run_generator


class Shift(torch.nn.Module):
    """Adds its condition."""

    def forward(self, images, shift):
        return images + shift


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


def test_the_two_ranges_are_each_others_inverse():
    images = torch.rand(2, 3, 4, 5)
    torch.testing.assert_close(denormalize(normalize(images)), images)
    assert normalize(torch.tensor([[[[0.0, 1.0]]]])).flatten().tolist() == [-1.0, 1.0]
    assert denormalize(torch.tensor([-3.0, 3.0])).tolist() == [0.0, 1.0]


def test_a_generator_that_changes_nothing_gives_back_the_image():
    images = torch.rand(2, 3, 5, 7)
    result = run_generator(torch.nn.Identity(), images)
    torch.testing.assert_close(result, images)
    assert result.dtype is torch.float32
    assert not result.is_inference()


def test_a_mosaic_puts_batches_into_rows_with_white_gaps():
    first, second = torch.zeros(2, 3, 4, 5), torch.full((2, 3, 4, 5), 0.5)
    picture = image_grid([first, second], gap=2)
    assert picture.shape == (3, 4 + 2 + 4, 5 + 2 + 5)
    assert (picture[:, :4, :5] == 0).all()
    assert (picture[:, 4:6] == 1).all()
    assert (picture[:, 6:, 7:] == 0.5).all()


def test_a_generator_is_given_its_conditions():
    images, shift = torch.rand(2, 3, 5, 7) / 2, torch.full((2, 1, 1, 1), 0.5)
    torch.testing.assert_close(run_generator(Shift(), images, shift), images + 0.25)


def test_a_checksum_depends_on_the_8_bit_pixels_of_an_image_alone():
    images = torch.randint(0, 256, (3, 3, 5, 7)) / 255
    known = [zlib.crc32((image * 255).round().byte().numpy().tobytes()) for image in images]
    assert checksums(images) == known
    assert checksums(images.contiguous(memory_format=torch.channels_last) + 1e-4) == known
    assert checksums(images[1:2]) == known[1:2]
    assert checksums(images + 1 / 255) != known
