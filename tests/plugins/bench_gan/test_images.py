"""Ranges, mosaics, and images passed through generators."""

import torch

from bench_gan.images import denormalize, image_grid, normalize, run_generator


class Shift(torch.nn.Module):
    """Adds its condition."""

    def forward(self, images, shift):
        return images + shift


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
