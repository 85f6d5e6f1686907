"""Fourier domain adaptation against the paper's formula written out in numpy over the whole, centred spectrum."""

import numpy as np
import pytest
import torch

from bench_colour.fda import FDA, half_side, low_amplitudes, with_low_amplitudes
from bench_colour.options import FDAOptions
from bench_colour.shared import chosen
from benchmark import MultiVariant, StageContext, StoreError

SIZES = [(16, 24), (15, 24), (16, 23), (15, 23), (9, 9), (24, 16)]


def by_the_formula(source, target, half):
    """Equation 3 on arrays (3, H, W): the complex image, whose imaginary part a right window leaves at zero."""
    own, other = (np.fft.fftshift(np.fft.fft2(image), axes=(1, 2)) for image in (source, target))
    row, column = source.shape[1] // 2, source.shape[2] // 2
    vertical, horizontal = (np.arange(side) - side // 2 for side in source.shape[1:])
    mask = (np.abs(vertical) <= half)[:, None] & (np.abs(horizontal) <= half)[None]
    assert mask[row, column]
    assert mask.sum() == (2 * half + 1) ** 2
    mixed = np.where(mask, np.abs(other), np.abs(own)) * np.exp(1j * np.angle(own))
    return np.fft.ifft2(np.fft.ifftshift(mixed, axes=(1, 2)))


def exchanged(source, target, half):
    return with_low_amplitudes(source, low_amplitudes(target, half))


def fitted(tmp_path, target, **options):
    translator = FDA(FDAOptions(**options))
    translator.fit(target, target, StageContext(folder=tmp_path))
    return translator


def waves(size, seed):
    """The same smooth images at any size: three horizontal and vertical frequencies around grey."""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = (torch.arange(side, dtype=torch.float64) / side * 2 * torch.pi for side in size)
    image = torch.full((1, 3, *size), 0.5, dtype=torch.float64)
    for vertical in range(4):
        for horizontal in range(4):
            height, shift = torch.rand(2, 1, 3, 1, 1, generator=generator, dtype=torch.float64)
            angle = vertical * rows[:, None] + horizontal * columns + 6 * shift
            image += height * angle.cos() / 100
    return image.float()


@pytest.mark.parametrize("half", [0, 1, 3, 4])
@pytest.mark.parametrize("size", SIZES)
def test_an_exchange_equals_the_formula_and_the_formula_gives_a_real_image(image_set, size, half):
    source, target = (image_set(1, seed=seed, size=size).image_batch([0]) for seed in (1, 2))
    expected = by_the_formula(source[0].double().numpy(), target[0].double().numpy(), half)
    np.testing.assert_allclose(expected.imag, 0, atol=1e-12)
    np.testing.assert_allclose(exchanged(source, target, half)[0].numpy(), expected.real, atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_the_phase_stays_and_the_amplitude_becomes_the_targets_within_the_window_alone(image_set, size):
    source, target = (image_set(2, seed=seed, size=size).image_batch([0, 1]).double() for seed in (1, 2))
    before, other, after = (torch.fft.fft2(images) for images in (source, target, exchanged(source, target, 2)))
    inside = [0, 1, 2, -2, -1]
    torch.testing.assert_close(after / after.abs(), before / before.abs())
    torch.testing.assert_close(after[..., inside, :][..., inside].abs(), other[..., inside, :][..., inside].abs())
    torch.testing.assert_close(after[..., 3:-2, :], before[..., 3:-2, :])
    torch.testing.assert_close(after[..., 3:-2], before[..., 3:-2])


def test_a_translation_is_the_exchange_with_the_chosen_target_image_cut_to_the_range(tmp_path, image_set):
    source, target = image_set(4, seed=1, size=(20, 31)), image_set(70, seed=2, size=(20, 31), low=200)
    images = source.image_batch(range(4))
    translated = fitted(tmp_path, target, beta=0.15).translate(images)
    for image, row, result in zip(images, chosen(images, 70), translated, strict=True):
        other = target.image_batch([row])[0].double().numpy()
        expected = by_the_formula(image.double().numpy(), other, 3).real
        assert expected.max() > 1
        np.testing.assert_allclose(result.numpy(), expected.clip(0, 1), atol=1e-6)


def test_an_image_in_its_own_look_is_unchanged(image_set):
    images = image_set(2, size=(15, 16)).image_batch([0, 1])
    torch.testing.assert_close(exchanged(images, images, 7), images, atol=1e-6, rtol=0)


def test_the_window_of_half_side_0_changes_the_mean_colour_alone(image_set):
    source, target = (image_set(2, seed=seed).image_batch([0, 1]) for seed in (1, 2))
    expected = source - source.mean((2, 3), keepdim=True) + target.mean((2, 3), keepdim=True)
    torch.testing.assert_close(exchanged(source, target, 0), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("size", "beta", "half"),
    [((64, 128), 0.01, 0), ((64, 128), 0.05, 3), ((512, 1024), 0.01, 5), ((1024, 512), 0.09, 46), ((7, 7), 0.49, 3)],
)
def test_the_half_side_is_the_share_of_the_shorter_side_rounded_down(size, beta, half):
    assert half_side(size, beta) == half


@pytest.mark.parametrize("shorter", range(1, 40))
def test_the_largest_window_fits_into_any_image(shorter):
    assert 2 * half_side((shorter, 50), np.nextafter(0.5, 0)) + 1 <= shorter


def test_the_record_tells_how_far_the_window_reaches(tmp_path, image_set):
    context = StageContext(folder=tmp_path)
    FDA(FDAOptions()).fit(image_set(1), image_set(1, size=(64, 128)), context)
    assert context.facts == {"window_half_side": 0}


def test_an_image_and_its_enlargement_get_one_look(image_set):
    source, target, large = waves((12, 16), 0), waves((12, 16), 1), waves((24, 32), 0)
    amplitudes = low_amplitudes(target, 2)
    small_result, large_result = with_low_amplitudes(source, amplitudes), with_low_amplitudes(large, amplitudes)
    assert (small_result - source).abs().max() > 0.01
    torch.testing.assert_close(large_result[..., ::2, ::2], small_result, atol=1e-6, rtol=0)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 5), (5, 4), (33, 7), (40, 61)])
def test_any_size_is_translated_to_the_mean_colour_of_its_target_image(tmp_path, image_set, size):
    target = image_set(1, low=120, high=130, size=(20, 31))
    images = image_set(2, low=110, high=140, size=size).image_batch([0, 1])
    translated = fitted(tmp_path, target, beta=0.2).translate(images)
    assert translated.shape == images.shape
    expected = target.image_batch([0]).mean((2, 3)).expand(2, 3)
    torch.testing.assert_close(translated.mean((2, 3)), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_an_image_of_one_colour_becomes_the_mean_colour_of_its_target_image(tmp_path, image_set, level):
    target = image_set(1, size=(13, 17))
    translated = fitted(tmp_path, target, beta=0.2).translate(torch.full((2, 3, 13, 17), level))
    expected = target.image_batch([0]).mean((2, 3), keepdim=True).expand(2, 3, 13, 17)
    torch.testing.assert_close(translated, expected, atol=1e-6, rtol=0)


def test_a_target_of_one_colour_takes_the_low_frequencies_away(image_set):
    source = image_set(1, size=(12, 13)).image_batch([0])
    left = low_amplitudes(exchanged(source, torch.full((1, 3, 12, 13), 0.25), 2), 2)
    expected = torch.zeros(1, 3, 5, 3, dtype=torch.float64)
    expected[:, :, 2, 0] = 0.25
    torch.testing.assert_close(left, expected, atol=1e-7, rtol=0)


@pytest.mark.parametrize(("count", "looks"), [(3, 3), (4, 4), (7, 4), (16, 4)])
def test_variants_of_an_image_never_share_a_target_image_while_there_are_enough(tmp_path, image_set, count, looks):
    translator = fitted(tmp_path, image_set(count, size=(12, 16)), beta=0.1, variants=4)
    assert isinstance(translator, MultiVariant)
    images = image_set(1, seed=5, size=(12, 16)).image_batch([0])
    results = [translator.translate(images, variant=variant) for variant in range(translator.variants)]
    assert len({result.numpy().tobytes() for result in results}) == looks


@pytest.mark.parametrize("variant", [0, 3])
def test_the_translation_of_an_image_is_the_same_in_any_batch(tmp_path, image_set, variant):
    translator = fitted(tmp_path, image_set(16, seed=3, size=(13, 16)), beta=0.2)
    images = image_set(8, size=(13, 16)).image_batch(range(8))
    apart = [translator.translate(image[None], variant)[0] for image in images]
    torch.testing.assert_close(translator.translate(images, variant), torch.stack(apart), atol=1e-6, rtol=0)


def test_a_loaded_translator_translates_as_the_saved_one(tmp_path, image_set):
    saved, loaded = fitted(tmp_path, image_set(5, size=(13, 16)), beta=0.2), FDA(FDAOptions(beta=0.2))
    saved.save(tmp_path)
    loaded.load(tmp_path)
    images = image_set(2, seed=7, size=(13, 16)).image_batch([0, 1])
    for variant in range(4):
        assert torch.equal(saved.translate(images, variant), loaded.translate(images, variant))


def test_missing_statistics_are_one_clear_error(tmp_path):
    with pytest.raises(StoreError, match="expected colour statistics"):
        FDA(FDAOptions()).load(tmp_path)
