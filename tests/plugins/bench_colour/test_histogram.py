"""Histogram matching against scikit-image, and on images and targets of one colour."""

import numpy as np
import pytest
import torch
from skimage.exposure import match_histograms

from bench_colour.histogram import Histogram, histograms_of, match
from bench_colour.options import HistogramOptions
from bench_colour.shared import chosen
from benchmark import StageContext, StoreError


def reference(image, target):
    """Of 8-bit images (H, W, 3), in float64: scikit-image cuts the digits off where its input is whole."""
    return match_histograms(image.astype(float), target.astype(float), channel_axis=-1) / 255


def fitted(tmp_path, target, **options):
    translator = Histogram(HistogramOptions(**options))
    translator.fit(target, target, StageContext(folder=tmp_path))
    return translator


def assert_images(found, expected):
    np.testing.assert_allclose(found.permute(1, 2, 0).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize(("low", "high"), [(0, 256), (100, 103), (250, 256)])
@pytest.mark.parametrize("size", [(6, 8), (31, 17), (1, 1)])
def test_matching_one_target_image_equals_scikit_image(tmp_path, image_set, low, high, size):
    source, target = image_set(3, seed=1, low=40, high=90), image_set(5, seed=2, low=low, high=high, size=size)
    images = source.image_batch(range(3))
    translated = fitted(tmp_path, target, statistics="image").translate(images)
    for image, row, result in zip(source.images[0], chosen(images, 5), translated, strict=True):
        assert_images(result, reference(image, target.images[0, row]))


def test_matching_a_set_equals_scikit_image_with_all_target_images_as_one(tmp_path, image_set):
    source, target = image_set(2, seed=1, low=40, high=200), image_set(70, seed=2, high=120)
    translated = fitted(tmp_path, target).translate(source.image_batch([0, 1]))
    for image, result in zip(source.images[0], translated, strict=True):
        assert_images(result, reference(image, np.concatenate(target.images[0])))


def test_an_image_matched_to_itself_is_unchanged(image_set):
    images = image_set(3).image_batch(range(3))
    torch.testing.assert_close(match(images, histograms_of(images)), images, atol=1e-6, rtol=0)


def test_between_images_whose_levels_all_differ_the_darkest_pixel_gets_the_darkest_level_and_so_on():
    generator = torch.Generator().manual_seed(0)
    source, target = (torch.randperm(256, generator=generator)[:63].view(1, 1, 7, 9) / 255 for _ in range(2))
    found = match(source.expand(1, 3, 7, 9), histograms_of(target))[0, 2]
    assert torch.equal(found.flatten().argsort(), source.flatten().argsort())
    torch.testing.assert_close(found.flatten().sort().values, target.flatten().sort().values)


def test_histograms_count_every_pixel_of_its_image_and_channel(image_set):
    images = image_set(3)
    counts = histograms_of(images.image_batch(range(3)))
    assert counts.shape == (3, 3, 256)
    expected = np.bincount(images.images[0, 2, :, :, 1].ravel(), minlength=256)
    np.testing.assert_array_equal(counts[2, 1].numpy(), expected)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_an_image_of_one_colour_becomes_the_brightest_of_the_target(tmp_path, image_set, level):
    target = image_set(3, high=200)
    translated = fitted(tmp_path, target).translate(torch.full((2, 3, 5, 4), level))
    brightest = torch.from_numpy(target.images.max((0, 1, 2, 3)) / 255).float()
    torch.testing.assert_close(translated, brightest.view(1, 3, 1, 1).expand(2, 3, 5, 4))


def test_a_target_of_one_colour_gives_that_colour(tmp_path, image_set):
    target = image_set(2, low=70, high=71)
    translated = fitted(tmp_path, target).translate(image_set(2).image_batch([0, 1]))
    torch.testing.assert_close(translated, torch.full((2, 3, 6, 8), 70 / 255))


@pytest.mark.parametrize("statistics", ["dataset", "image"])
def test_the_translation_of_an_image_is_the_same_in_any_batch(tmp_path, image_set, statistics):
    translator = fitted(tmp_path, image_set(16, seed=3), statistics=statistics)
    images = image_set(8).image_batch(range(8))
    apart = [translator.translate(image[None])[0] for image in images]
    assert torch.equal(translator.translate(images), torch.stack(apart))


@pytest.mark.parametrize("statistics", ["dataset", "image"])
def test_a_loaded_translator_translates_as_the_saved_one(tmp_path, image_set, statistics):
    saved = fitted(tmp_path, image_set(5), statistics=statistics)
    loaded = Histogram(HistogramOptions(statistics=statistics))
    saved.save(tmp_path)
    loaded.load(tmp_path)
    images = image_set(2, seed=7).image_batch([0, 1])
    assert torch.equal(saved.translate(images), loaded.translate(images))


def test_missing_statistics_are_one_clear_error(tmp_path):
    with pytest.raises(StoreError, match="expected colour statistics"):
        Histogram(HistogramOptions()).load(tmp_path)
