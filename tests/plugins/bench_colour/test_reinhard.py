"""Reinhard's colour transfer against a plain numpy version of the paper, and on images without colours."""

import numpy as np
import pytest
import torch

from bench_colour.options import ReinhardOptions
from bench_colour.reinhard import RGB_TO_LMS, Reinhard, Statistics, lab_to_rgb, rgb_to_lab, statistics_of, transfer
from benchmark import StoreError
from benchmark.api.stage_context import StageContext


def reference(image, targets):
    """The paper's recipe on (H, W, 3) arrays; the target's statistics are averaged over images."""
    to_lms = np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])
    to_lab = np.diag([3**-0.5, 6**-0.5, 2**-0.5]) @ np.array([[1, 1, 1], [1, 1, -2], [1, -1, 0]])

    def lab(pixels):
        return np.log10(np.maximum(pixels.reshape(-1, 3) @ to_lms.T, 1 / 255)) @ to_lab.T

    mean = np.mean([lab(target).mean(0) for target in targets], axis=0)
    deviation = np.mean([lab(target).std(0) for target in targets], axis=0)
    own = lab(image)
    moved = (own - own.mean(0)) * deviation / own.std(0) + mean
    rgb = (10 ** (moved @ np.linalg.inv(to_lab).T)) @ np.linalg.inv(to_lms).T
    return rgb.clip(0, 1).reshape(image.shape)


def fitted(tmp_path, target, **options):
    translator = Reinhard(ReinhardOptions(**options))
    translator.fit(target, target, StageContext(folder=tmp_path))
    return translator


def test_translation_equals_a_plain_version_of_the_paper(tmp_path, image_set):
    source, target = image_set(3, seed=1, low=40, high=200), image_set(70, seed=2, high=120)
    translated = fitted(tmp_path, target).translate(source.image_batch([0, 1, 2]))
    for image, result in zip(source.images[0], translated, strict=True):
        expected = reference(image / 255, target.images[0] / 255)
        np.testing.assert_allclose(result.permute(1, 2, 0).numpy(), expected, atol=2e-5)


def test_the_inverse_of_the_colour_space_is_exact():
    images = torch.rand(2, 3, 5, 7, generator=torch.Generator().manual_seed(0)) * 0.9 + 0.05
    torch.testing.assert_close(lab_to_rgb(rgb_to_lab(images)), images, atol=2e-6, rtol=1e-5)


def test_the_matrix_agrees_with_the_rounded_inverse_that_the_paper_prints():
    printed = torch.tensor([[4.4679, -3.5873, 0.1193], [-1.2186, 2.3809, -0.1624], [0.0497, -0.2439, 1.2045]])
    torch.testing.assert_close(torch.linalg.inv(torch.tensor(RGB_TO_LMS)), printed, atol=2e-2, rtol=0)


def test_a_transfer_leaves_the_statistics_of_the_target():
    lab = torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    target = Statistics(torch.tensor([[1.0, -2.0, 0.5]]), torch.tensor([[0.3, 2.0, 1.0]]))
    got = statistics_of(transfer(lab, target))
    torch.testing.assert_close(got.mean, target.mean.expand(2, 3), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(got.deviation, target.deviation.expand(2, 3), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_constant_images_stay_constant_and_finite(tmp_path, image_set, level):
    images = torch.full((2, 3, 5, 4), level)
    translated = fitted(tmp_path, image_set(3)).translate(images)
    assert torch.isfinite(translated).all()
    torch.testing.assert_close(translated, translated[:, :, :1, :1].expand_as(translated))


def test_a_constant_target_gives_no_nan(tmp_path, image_set):
    translated = fitted(tmp_path, image_set(2, high=1)).translate(image_set(2).image_batch([0, 1]))
    assert torch.isfinite(translated).all()


def test_the_choice_of_a_target_image_depends_on_the_image_alone(tmp_path, image_set):
    translator = fitted(tmp_path, image_set(16, seed=3), statistics="image")
    images = image_set(8).image_batch(range(8))
    together, apart = translator.translate(images), [translator.translate(image[None])[0] for image in images]
    torch.testing.assert_close(together, torch.stack(apart))
    brightness = statistics_of(rgb_to_lab(together)).mean[:, 0]
    assert len(brightness.mul(1e3).round().unique()) > 2


def test_a_loaded_translator_translates_as_the_saved_one(tmp_path, image_set):
    saved, loaded = fitted(tmp_path, image_set(5)), Reinhard(ReinhardOptions())
    saved.save(tmp_path)
    loaded.load(tmp_path)
    images = image_set(2, seed=7).image_batch([0, 1])
    assert torch.equal(saved.translate(images), loaded.translate(images))


def test_missing_statistics_are_one_clear_error(tmp_path):
    with pytest.raises(StoreError, match="expected colour statistics"):
        Reinhard(ReinhardOptions()).load(tmp_path)
