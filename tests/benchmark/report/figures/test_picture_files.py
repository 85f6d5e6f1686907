"""Photographs are stored small, label maps exactly, and either says what it was made of."""

import json

import numpy as np
import pytest
from PIL import Image

from benchmark.report.figures.picture_files import origin_of, save_picture, stored_picture

ORIGIN = json.dumps([["a" * 64, "b" * 64], ["title · schön", "50 %"]])


@pytest.fixture
def noisy():
    """Enlarged noise around a slope, as photographs on a sheet are."""
    slope = np.linspace(40, 200, 80)[None, :, None]
    noise = np.random.default_rng(0).normal(0, 12, (40, 80, 3))
    pixels = (slope + noise).clip(0, 255).astype(np.uint8)
    return Image.fromarray(pixels.repeat(4, 0).repeat(4, 1))


@pytest.mark.parametrize("name", ["sheet.webp", "sheet.png"])
def test_a_picture_says_what_it_was_made_of(tmp_path, noisy, name):
    save_picture(noisy, tmp_path / "new" / name, ORIGIN)
    assert origin_of(tmp_path / "new" / name) == ORIGIN
    assert [path.name for path in (tmp_path / "new").iterdir()] == [name]


@pytest.mark.parametrize("name", ["sheet.webp", "sheet.png"])
@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_a_picture_that_was_cut_off_says_nothing(tmp_path, noisy, name, kept):
    save_picture(noisy, tmp_path / name, ORIGIN)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(kept * len(content))])
    assert origin_of(tmp_path / name) is None


def test_a_picture_that_is_missing_or_of_others_says_nothing(tmp_path, noisy):
    noisy.save(tmp_path / "other.webp")
    assert [origin_of(tmp_path / name) for name in ("other.webp", "none.webp", "none.png")] == [None] * 3


def test_photographs_look_alike_in_a_fraction_of_the_room(tmp_path, noisy):
    for name in ("sheet.png", "sheet.webp"):
        save_picture(noisy, tmp_path / name.replace("sheet", name[-3:]), ORIGIN)
    exact, small = tmp_path / "png.png", tmp_path / "ebp.webp"
    assert small.stat().st_size < exact.stat().st_size / 2
    with Image.open(exact) as first, Image.open(small) as second:
        stored = [np.asarray(picture.convert("RGB"), dtype=float) for picture in (first, second)]
    np.testing.assert_array_equal(stored[0], np.asarray(noisy))
    assert np.sqrt(np.square(stored[0] - stored[1]).mean()) < 8


def test_a_picture_takes_the_place_of_one_stored_under_the_other_ending(tmp_path, noisy):
    noisy.save(tmp_path / "sheet.png")
    save_picture(noisy, tmp_path / "sheet.webp", ORIGIN)
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.webp"]


def test_a_picture_stored_under_the_other_ending_is_stored_anew_with_its_origin(tmp_path, noisy):
    save_picture(noisy, tmp_path / "sheet.png", ORIGIN)
    assert stored_picture(tmp_path / "sheet.webp") == tmp_path / "sheet.webp"
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.webp"]
    assert origin_of(tmp_path / "sheet.webp") == ORIGIN


def test_a_damaged_picture_under_the_other_ending_stays(tmp_path):
    (tmp_path / "sheet.png").write_bytes(b"no picture")
    assert stored_picture(tmp_path / "sheet.webp") == tmp_path / "sheet.png"
    assert stored_picture(tmp_path / "none.png") is None
