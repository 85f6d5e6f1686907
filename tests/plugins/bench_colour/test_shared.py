"""Choosing a target image and walking through a set."""

import pytest
import torch
from safetensors.torch import save_file

from bench_colour import shared
from bench_colour.shared import chosen, image_batches, read_measures
from benchmark import StageContext, StoreError


def noise(count, seed=0):
    return torch.rand(count, 3, 4, 5, generator=torch.Generator().manual_seed(seed)).mul(255).round() / 255


def test_the_choice_of_an_image_is_the_same_in_any_batch():
    images = noise(9)
    assert chosen(images, 7) == [chosen(image[None], 7)[0] for image in images]


def test_the_choice_does_not_depend_on_the_layout_in_memory():
    images = noise(9)
    assert chosen(images, 7) == chosen(images.contiguous(memory_format=torch.channels_last), 7)


def test_choices_spread_over_all_target_images():
    assert set(chosen(noise(100), 5)) == set(range(5))


def test_an_offset_moves_on_in_the_order_of_target_images():
    assert chosen(noise(9), 5, offset=2) == [(row + 2) % 5 for row in chosen(noise(9), 5)]


@pytest.mark.parametrize(("pixels", "sizes"), [(2**23, [5, 2]), (3 * 48, [3, 3, 1]), (1, [1] * 7)])
def test_batches_hold_all_images_in_order_and_no_more_pixels_than_allowed(
    tmp_path, monkeypatch, image_set, pixels, sizes
):
    monkeypatch.setattr(shared, "IMAGES_PER_BATCH", 5)
    monkeypatch.setattr(shared, "PIXELS_PER_BATCH", pixels)
    images = image_set(7)
    batches = list(image_batches(images, StageContext(folder=tmp_path)))
    assert [len(batch) for batch in batches] == sizes
    assert torch.equal(torch.cat(batches), images.image_batch(range(7)))


def test_the_run_is_told_of_every_batch(tmp_path, image_set):
    told = []
    list(image_batches(image_set(70), StageContext(folder=tmp_path, on_progress=told.append)))
    assert [(event["done"], event["total"]) for event in told] == [(64, 70), (70, 70)]


def test_a_file_without_the_measure_is_one_clear_error(tmp_path):
    save_file({"mean": torch.zeros(1)}, tmp_path / "file")
    with pytest.raises(StoreError, match=r"expected colour statistics \(mean, deviation\), but 'deviation'; fit again"):
        read_measures(tmp_path / "file", "mean", "deviation")


def test_a_damaged_file_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_bytes(b"nothing of the kind")
    with pytest.raises(StoreError, match="expected colour statistics"):
        read_measures(tmp_path / "file", "mean")
