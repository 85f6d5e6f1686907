"""SSIM equals torchmetrics' everywhere and scikit-image's away from the borders, which it continues otherwise."""

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity as skimage_similarity
from torchmetrics.functional.image import structural_similarity_index_measure

from bench_metrics.ssim import SSIM, WINDOW, similarity_map, structural_similarity
from benchmark import PluginOptions, Unavailable


def draw(generator):
    """Smooth images and noisy, darkened copies of them, 11 pixels high: as small as they may be."""
    coarse = torch.rand(2, 3, 3, 6, generator=generator)
    images = torch.nn.functional.interpolate(coarse, size=(11, 24), mode="bilinear")
    noise = 0.1 * torch.randn(images.shape, generator=generator)
    return images, (0.8 * images + noise).clamp(0, 1)


def test_ssim_equals_that_of_torchmetrics(agrees):
    def reference(first, second):
        return structural_similarity_index_measure(second, first, data_range=1.0, reduction="none")

    agrees(structural_similarity, reference, draw, relative=1e-5)


def test_ssim_equals_that_of_scikit_image_where_the_window_fits(agrees):
    """One row of whole windows is left once the borders are cut."""
    inside = (..., slice(WINDOW // 2, -(WINDOW // 2)), slice(WINDOW // 2, -(WINDOW // 2)))

    def ours(first, second):
        return similarity_map(first, second)[inside]

    def scikit(first, second):
        options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
        pairs = zip(first.double().numpy(), second.double().numpy(), strict=True)
        maps = [skimage_similarity(*pair, channel_axis=0, full=True, **options)[1] for pair in pairs]
        return np.stack(maps)[inside]

    agrees(ours, scikit, draw, relative=1e-4, absolute=1e-4)


def test_an_image_is_wholly_similar_to_itself_and_hardly_to_its_negative():
    image, _ = draw(torch.Generator().manual_seed(0))
    assert structural_similarity(image, image).tolist() == [1.0, 1.0]
    assert structural_similarity(image, 1 - image).max() < 0.5


def test_the_metric_is_the_mean_over_images_whatever_the_batches(classes, context):
    source, translated = draw(torch.Generator().manual_seed(3))
    metric = SSIM(PluginOptions())
    metric.start(classes, context)
    metric.update(source[:1].repeat(3, 1, 1, 1), translated[:1].repeat(3, 1, 1, 1), None)
    metric.update(source[1:], translated[1:], None)
    expected = structural_similarity(source, translated) @ torch.tensor([0.75, 0.25])
    assert metric.compute()["ssim"] == pytest.approx(expected.item(), rel=1e-6)
    assert metric.details() == {"images": 4}


def test_images_smaller_than_the_window_are_refused(classes, context):
    metric = SSIM(PluginOptions())
    metric.start(classes, context)
    small = torch.rand(1, 3, 10, 40)
    with pytest.raises(Unavailable, match="at least 11x11 pixels, got 10x40"):
        metric.update(small, small, None)


def test_without_images_there_is_a_reason(classes, context):
    metric = SSIM(PluginOptions())
    metric.start(classes, context)
    with pytest.raises(Unavailable, match="at least one translated image"):
        metric.compute()
