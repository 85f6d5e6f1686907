"""Augmentations keep images and labels together."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torchvision.transforms.functional import gaussian_blur

from bench_engine import augment


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def batch():
    """Images whose red channel is their label, so that a shift between the two shows."""
    labels = torch.randint(0, 10, (6, 12, 16), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    return (labels.float() / 10).unsqueeze(1).repeat(1, 3, 1, 1), labels


def test_flip_mirrors_image_and_label_together_and_only_some(batch, generator):
    images, labels = augment.flip(*batch, generator)
    assert torch.equal((images[:, 0] * 10).round().to(torch.uint8), labels)
    same = [torch.equal(a, b) for a, b in zip(images, batch[0], strict=True)]
    mirrored = [torch.equal(a, b.flip(-1)) for a, b in zip(images, batch[0], strict=True)]
    assert all(a != b for a, b in zip(same, mirrored, strict=True))
    assert any(same)
    assert any(mirrored)


def test_crop_cuts_the_same_window_from_image_and_label(batch, generator):
    images, labels = augment.crop(*batch, (5, 7), generator)
    assert images.shape == (6, 3, 5, 7)
    assert torch.equal((images[:, 0] * 10).round().to(torch.uint8), labels)


def test_a_crop_larger_than_the_image_is_the_image(batch, generator):
    images, labels = augment.crop(*batch, (50, 16), generator)
    assert torch.equal(images, batch[0])
    assert torch.equal(labels, batch[1])


def test_crop_without_labels_gives_none(batch, generator):
    images, labels = augment.crop(batch[0], None, (4, 4), generator)
    assert images.shape == (6, 3, 4, 4)
    assert labels is None


def test_scaled_crop_of_factor_one_is_the_image(batch, generator):
    images, labels = augment.scaled_crop(*batch, (12, 16), (1.0, 1.0), generator)
    torch.testing.assert_close(images, batch[0], atol=1e-5, rtol=0)
    assert torch.equal(labels, batch[1])


def test_scaled_crop_magnifies_as_interpolate_does(generator):
    images = torch.rand(1, 3, 8, 8, generator=generator)
    labels = torch.zeros(1, 8, 8, dtype=torch.uint8)
    cut, _ = augment.scaled_crop(images, labels, (16, 16), (2.0, 2.0), generator)
    whole = F.interpolate(images, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(cut[..., 1:-1, 1:-1], whole[..., 1:-1, 1:-1], atol=1e-5, rtol=0)


def test_scaled_crop_marks_what_lies_outside_as_ignored(batch, generator):
    images, labels = augment.scaled_crop(*batch, (12, 16), (0.5, 0.5), generator)
    outside = labels == 255
    assert 0.7 < outside.float().mean() < 0.8
    assert (images.amax(1)[outside] <= batch[0].max()).all()


def test_scaled_crop_keeps_ignored_pixels(generator):
    labels = torch.full((2, 8, 8), 255, dtype=torch.uint8)
    _, cut = augment.scaled_crop(torch.zeros(2, 3, 8, 8), labels, (8, 8), (1.0, 2.0), generator)
    assert (cut == 255).all()


def test_enlarging_is_pils(generator):
    images = torch.rand(1, 1, 15, 19, generator=generator)
    labels = torch.randint(0, 9, (1, 15, 19), generator=generator, dtype=torch.uint8)
    large, large_labels = augment.enlarged(images, labels, 286 / 256)
    size = (round(19 * 286 / 256), round(15 * 286 / 256))
    theirs = Image.fromarray(images[0, 0].numpy()).resize(size, Image.Resampling.BICUBIC)
    torch.testing.assert_close(large[0, 0], torch.from_numpy(np.array(theirs)).clamp(0, 1), atol=1e-5, rtol=0)
    nearest = Image.fromarray(labels[0].numpy()).resize(size, Image.Resampling.NEAREST)
    assert torch.equal(large_labels[0], torch.from_numpy(np.array(nearest)))


def test_scales_are_alike_on_their_axis(generator):
    logarithmic = augment.scale_factors(20_000, (0.5, 2.0), "log-uniform", generator)
    even = augment.scale_factors(20_000, (0.5, 2.0), "uniform", generator)
    for factors in (logarithmic, even):
        assert 0.5 <= factors.min() < 0.51
        assert 1.98 < factors.max() <= 2
    assert float((logarithmic > 1).float().mean()) == pytest.approx(1 / 2, abs=0.02)
    assert float((even > 1).float().mean()) == pytest.approx(2 / 3, abs=0.02)


def test_scaled_crop_follows_the_law_it_is_given(batch):
    def labelled(law):
        _, labels = augment.scaled_crop(*batch, (12, 16), (0.1, 1.0), torch.Generator().manual_seed(0), law)
        return (labels != 255).flatten(1).float().mean(1)

    shares = {law: labelled(law) for law in ("log-uniform", "uniform")}
    for law, share in shares.items():
        factors = augment.scale_factors(len(share), (0.1, 1.0), law, torch.Generator().manual_seed(0))
        torch.testing.assert_close(share, factors**2, atol=0.1, rtol=0)
    assert not torch.equal(shares["log-uniform"], shares["uniform"])


def test_blur_matches_torchvision(monkeypatch, generator):
    images = torch.rand(2, 3, 20, 24, generator=generator)
    sigmas = torch.empty(2, 1).uniform_(0, 2.0, generator=torch.Generator().manual_seed(3)).flatten().tolist()
    blurred = augment.blur(images, 2.0, torch.Generator().manual_seed(3))
    for image, sigma, ours in zip(images, sigmas, blurred, strict=True):
        torch.testing.assert_close(ours, gaussian_blur(image, [13, 13], [sigma, sigma]), atol=1e-5, rtol=1e-4)


def test_jitter_stays_in_range_and_keeps_grey_grey(generator):
    grey = torch.full((4, 3, 5, 5), 0.5)
    out = augment.jitter(grey, 0.4, generator)
    assert out.min() >= 0
    assert out.max() <= 1
    torch.testing.assert_close(out[:, 0], out[:, 1])
    assert out.flatten(1).mean(1).std() > 0.01


def test_jitter_without_strength_changes_nothing(batch, generator):
    torch.testing.assert_close(augment.jitter(batch[0], 0.0, generator), batch[0])


def test_noise_has_a_deviation_of_its_own_in_each_image_up_to_the_largest(generator):
    grey = torch.full((200, 3, 16, 16), 0.5)
    deviations = (augment.noise(grey, 0.1, generator) - grey).flatten(1).std(1)
    assert deviations.max() == pytest.approx(0.1, rel=0.1)
    assert deviations.min() < 0.01
    assert float(deviations.mean()) == pytest.approx(0.05, rel=0.15)


def test_noise_is_gaussian_and_of_mean_0(generator):
    grey = torch.full((1, 3, 128, 128), 0.5)
    added = augment.noise(grey, 0.1, generator) - grey
    assert abs(float(added.mean())) < 0.05 * float(added.std())
    kurtosis = ((added - added.mean()) / added.std()).pow(4).mean()
    assert float(kurtosis) == pytest.approx(3, abs=0.2)


@pytest.mark.parametrize("change", [augment.noise, augment.random_amplitudes])
def test_what_changes_colours_stays_in_range_and_leaves_the_given_images(change, batch, generator):
    images = batch[0].clone()
    out = change(images, 1.0, generator)
    assert out.shape == images.shape
    assert 0 <= out.min() < out.max() <= 1
    assert torch.equal(images, batch[0])
    assert not torch.equal(out, images)
    torch.testing.assert_close(change(images, 0.0, generator), images)


def test_the_deviation_of_amplitudes_rises_with_the_square_of_the_frequency():
    deviations = augment.amplitude_deviations(6, 8)
    highest = (3**2 + 4**2) ** 0.5
    for row, vertical in enumerate((0, 1, 2, 3, 2, 1)):
        for column in range(5):
            share = (vertical**2 + column**2) ** 0.5 / highest
            assert float(deviations[row, column]) == pytest.approx((3 * share) ** 2 + 0.25, rel=1e-5)
    assert augment.amplitude_deviations(1, 1).tolist() == [[0.25]]


def test_amplitudes_get_random_factors_of_that_deviation_and_phases_stay():
    wave = torch.zeros(2000, 1, 8, 8)
    wave += 0.5 + 0.05 * torch.cos(2 * torch.pi * 2 * torch.arange(8) / 8 + 0.3)
    varied = augment.random_amplitudes(wave, 0.5, torch.Generator().manual_seed(0))
    factors = (torch.fft.rfft2(varied) / torch.fft.rfft2(wave))[:, 0, 0, 2]
    assert float(factors.real.mean()) == pytest.approx(1, abs=0.05)
    expected = 0.5 * augment.amplitude_deviations(8, 8)[0, 2]
    unclipped = (varied > 0).flatten(1).all(1) & (varied < 1).flatten(1).all(1)
    assert unclipped.float().mean() > 0.99
    assert float(factors.real[unclipped].std()) == pytest.approx(float(expected), rel=0.1)
    assert factors.imag[unclipped].abs().max() < 1e-3


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 1), (7, 9)])
def test_random_amplitudes_take_any_size(size, generator):
    images = torch.rand(2, 3, *size, generator=generator)
    out = augment.random_amplitudes(images, 1.0, generator)
    assert out.shape == images.shape
    assert out.isfinite().all()
