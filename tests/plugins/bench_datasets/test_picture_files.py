"""What the files of users may hold: read as viewers show it, or refused with the reason, and never something else."""

import os
import stat

import cv2
import numpy as np
import pytest
from PIL import Image

from bench_datasets.folder import Folder
from bench_datasets.options import FolderOptions
from benchmark import DataError

BASE = {"classes": ("road", "sky"), "mapping": {"7": "road", "300": "sky", "0": "ignore"}, "splits": {"train": {}}}
IDS = np.array([[7, 300, 0], [300, 7, 7]], np.uint16)
TRAIN_IDS = np.array([[0, 1, 255], [1, 0, 0]], np.uint8)
SHADES = np.array([[0, 255, 256], [40_000, 65_280, 65_535]], np.uint16)
TURNS = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: np.swapaxes(a, 0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(np.swapaxes(a, 0, 1), 2),
    8: lambda a: np.rot90(a, 1),
}
"""What each EXIF orientation does with stored pixels."""


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def root(tmp_path):
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    return tmp_path


def sample(root, **options):
    return Folder(FolderOptions(**{**BASE, "root": str(root), **options})).sample("train", "a")


def fingerprint(root, **options):
    return Folder(FolderOptions(**{**BASE, "root": str(root), **options})).fingerprint("train")


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def coloured(height=2, width=3):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def refused(call, *words):
    with pytest.raises(DataError) as caught:
        call()
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("ending", ["png", "tiff", "ppm"])
def test_of_sixteen_bit_grey_images_the_upper_byte_is_kept(root, ending):
    Image.fromarray(SHADES).save(root / f"images/a.{ending}")
    expected = np.repeat((SHADES >> 8).astype(np.uint8)[..., None], 3, axis=2)
    np.testing.assert_array_equal(sample(root, labels="").image, expected)


@pytest.mark.parametrize("ending", ["png", "tiff"])
def test_of_sixteen_bit_colour_images_the_upper_byte_is_kept(root, ending):
    colours = np.stack([SHADES, SHADES[::-1], SHADES[:, ::-1]], axis=-1)
    cv2.imwrite(str(root / f"images/a.{ending}"), colours[..., ::-1])
    np.testing.assert_array_equal(sample(root, labels="").image, (colours >> 8).astype(np.uint8))


@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bit_images_of_twelve_bits_are_refused_and_not_read_as_black(root, channels):
    shades = np.repeat((SHADES >> 4)[..., None], channels, axis=2)
    cv2.imwrite(str(root / "images/a.png"), shades.squeeze())
    refused(lambda: sample(root, labels=""), str(root / "images/a.png"), "a sixteenth of their range", "stretch it")


@pytest.mark.parametrize(("dtype", "kind"), [(np.float32, "floats"), (np.int32, "32-bit integers")])
def test_images_without_a_range_are_refused(root, dtype, kind):
    Image.fromarray(SHADES.astype(dtype)).save(root / "images/a.tiff")
    refused(lambda: sample(root, labels=""), str(root / "images/a.tiff"), kind, "8 bits")


@pytest.mark.parametrize("label_format", ["ids", "first-channel"])
def test_labels_of_floats_are_refused(root, label_format):
    Image.fromarray(coloured()).save(root / "images/a.png")
    Image.fromarray(IDS.astype(np.float32) + 0.4).save(root / "labels/a.tiff")
    refused(lambda: sample(root, label_format=label_format), str(root / "labels/a.tiff"), "floats")


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("ending", ["png", "tiff"])
def test_images_are_turned_as_viewers_show_them(root, ending, orientation):
    Image.fromarray(coloured()).save(root / f"images/a.{ending}", exif=exif(orientation))
    np.testing.assert_array_equal(sample(root, labels="").image, TURNS[orientation](coloured()))


def test_a_photograph_taken_upright_stands(root):
    Image.fromarray(coloured(16, 24)).save(root / "images/a.jpg", exif=exif(6))
    assert sample(root, labels="").image.shape == (24, 16, 3)


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("label_format", ["ids", "first-channel"])
def test_labels_are_turned_as_their_images_are(root, orientation, label_format):
    for folder, pixels in (("images", coloured()), ("labels", IDS)):
        Image.fromarray(pixels).save(root / folder / "a.png", exif=exif(orientation))
    read = sample(root, label_format=label_format)
    np.testing.assert_array_equal(read.image, TURNS[orientation](coloured()))
    np.testing.assert_array_equal(read.label, TURNS[orientation](TRAIN_IDS))


def test_halves_are_those_of_the_picture_that_viewers_show(root):
    Image.fromarray(coloured(4, 3)).save(root / "images/a.png", exif=exif(6))
    shown = TURNS[6](coloured(4, 3))
    np.testing.assert_array_equal(sample(root, labels="", half="left").image, shown[:, :2])


def test_a_label_of_the_unturned_image_is_refused_with_the_reason(root):
    Image.fromarray(coloured()).save(root / "images/a.png", exif=exif(6))
    Image.fromarray(IDS).save(root / "labels/a.png")
    refused(lambda: sample(root), str(root / "labels/a.png"), "3 x 2", "2 x 3", "EXIF")


@pytest.mark.parametrize("label_format", ["ids", "colour", "first-channel"])
def test_jpeg_labels_are_refused_whatever_their_name(root, label_format):
    Image.fromarray(coloured()).save(root / "images/a.png")
    Image.fromarray(IDS.astype(np.uint8)).save(root / "labels/a.png", format="JPEG")
    mapping = {"0,0,0": "road", "*": "ignore"} if label_format == "colour" else {"7": "road", "*": "ignore"}
    refused(
        lambda: sample(root, label_format=label_format, mapping=mapping),
        str(root / "labels/a.png"),
        "JPEG blurs labels",
    )


@pytest.mark.parametrize("which", ["images", "labels"])
def test_a_file_that_is_postscript_inside_starts_no_program(root, which, tmp_path, monkeypatch):
    program = tmp_path / "bin" / "gs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\nexit 1\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)
    for folder, pixels in (("images", coloured()), ("labels", IDS)):
        Image.fromarray(pixels).save(root / folder / "a.png")
    (root / which / "a.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 3 2\n%%EndComments\n%%EOF\nshowpage\n"
    )
    refused(lambda: sample(root), str(root / which / "a.png"), "cannot be read as an image")
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("label_format", ["ids", "colour", "first-channel"])
def test_a_label_of_more_pixels_than_pil_allows_is_refused_before_it_is_decoded(root, label_format, monkeypatch):
    Image.fromarray(IDS).save(root / "labels/a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2)
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded"))
    monkeypatch.setattr("bench_datasets.folder.read_image", lambda *_: coloured())
    Image.new("1", (1, 1)).save(root / "images/a.png")
    mapping = {"0,0,0": "road"} if label_format == "colour" else BASE["mapping"]
    refused(
        lambda: sample(root, label_format=label_format, mapping=mapping), str(root / "labels/a.png"), "exceeds limit"
    )


@pytest.mark.timeout(30)
@pytest.mark.parametrize("call", [sample, fingerprint])
@pytest.mark.parametrize("which", ["images", "labels"])
@pytest.mark.parametrize("kind", ["a named pipe", "a device", "a folder"])
def test_what_is_no_regular_file_is_refused_without_being_read(root, call, which, kind):
    for folder, pixels in (("images", coloured()), ("labels", IDS)):
        Image.fromarray(pixels).save(root / folder / "a.png")
    file = root / which / "a.png"
    file.unlink()
    make = {"a named pipe": os.mkfifo, "a device": lambda f: f.symlink_to("/dev/zero"), "a folder": os.mkdir}
    make[kind](file)
    refused(lambda: call(root), f"{file}: a regular file was expected, but it is {kind}")


@pytest.mark.parametrize("call", [sample, fingerprint])
def test_a_link_that_leads_nowhere_is_named_with_its_target(root, call):
    (root / "images/a.png").symlink_to(root / "gone.png")
    refused(lambda: call(root, labels=""), f"{root / 'images/a.png'}, a link to {root / 'gone.png'},", "put the file")
