"""`streets` draws the same scenes everywhere, in two looks that differ in more than their colour statistics."""

import hashlib
import subprocess
import sys
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError

from bench_datasets.options import Look as LookName
from bench_datasets.options import StreetsOptions
from bench_datasets.street_looks import CLASS_OF_MATERIAL, CLASSES, LOOKS, PALETTE, Material
from bench_datasets.streets import Streets
from benchmark import DataError

CHECKSUM = """
import hashlib
from bench_datasets.options import StreetsOptions
from bench_datasets.streets import Streets
sample = Streets(StreetsOptions(look="{look}", seed=5)).sample("val", "val-0003")
print(hashlib.sha256(sample.image.tobytes() + sample.label.tobytes()).hexdigest())
"""

GOLDEN = {
    "game": {
        "fingerprint": "def5ea575ee4e2b7ab15b0e2d697bc2227a5b6a6f51a7a385449381b10168cb9",
        "labels": "692922cd9c45fc886907e3b3a2ae75fb04f084cb7e9c5dbbd241e3cfa10fe275",
        "brightness": [
            [172.65, 127.34, 118.32, 150.14],
            [172.71, 116.1, 150.7, 154.44],
            [144.62, 89.19, 68.65, 106.96],
            [63.9, 67.68, 63.53, 63.76],
        ],
    },
    "camera": {
        "fingerprint": "1d07e229fb2a311b7ba2ddf36dbabc9c7e3d140802f5da7dc22c44e4e4f0cbf9",
        "labels": "50fc31f0d800c27be33dbd83c213ecf03f3c414629500c988ff7511370cba312",
        "brightness": [
            [114.21, 165.47, 160.31, 59.85],
            [121.65, 133.02, 124.03, 89.49],
            [112.23, 110.25, 88.48, 86.71],
            [84.81, 95.99, 87.9, 99.15],
        ],
    },
}
"""Fingerprint, hash of the first labels, and mean brightness of 4 x 4 parts of the first picture."""


def streets(look="camera", **options):
    return Streets(StreetsOptions(look=look, **options))


def some(look, count=24, **options):
    data = streets(look, **options)
    return [data.sample("train", name) for name in data.ids("train")[:count]]


@pytest.fixture(scope="module")
def scenes():
    return {look: some(look) for look in LOOKS}


@pytest.mark.parametrize("look", get_args(LookName))
def test_another_process_draws_the_same_scene(look):
    sample = streets(look, seed=5).sample("val", "val-0003")
    here = hashlib.sha256(sample.image.tobytes() + sample.label.tobytes()).hexdigest()
    code = CHECKSUM.format(look=look)
    path = f"import sys; sys.path[:0] = {sys.path!r}"
    there = subprocess.run([sys.executable, "-c", path + code], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here


@pytest.mark.parametrize(("look", "expected"), GOLDEN.items())
def test_scenes_of_published_boards_stay_as_they_are(look, expected):
    data = streets(look)
    labels = hashlib.sha256()
    for name in data.ids("train")[:4]:
        labels.update(data.sample("train", name).label.tobytes())
    image = data.sample("train", "train-0000").image
    # Means, since the last bit of a pixel may differ from processor to processor.
    means = image.reshape(4, 16, 4, 32, 3).mean(axis=(1, 3, 4))
    assert data.fingerprint("train") == expected["fingerprint"]
    assert labels.hexdigest() == expected["labels"]
    np.testing.assert_allclose(means, expected["brightness"], atol=0.05)


def test_a_scene_does_not_depend_on_what_was_drawn_before_or_on_how_many_there_are():
    data = streets()
    data.sample("train", "train-0000")
    after = data.sample("train", "train-0002")
    alone = streets(train=3).sample("train", "train-0002")
    np.testing.assert_array_equal(after.image, alone.image)
    np.testing.assert_array_equal(after.label, alone.label)


@pytest.mark.parametrize("other", [{"seed": 1}, {"look": "game"}, {"split": "val"}, {"index": 1}])
def test_seed_look_split_and_index_each_give_another_scene(other):
    def label(seed=0, look="camera", split="train", index=0):
        return streets(look, seed=seed).sample(split, f"{split}-{index:04d}").label

    assert (label() != label(**other)).mean() > 0.02


def test_samples_have_the_declared_size_type_and_ids():
    data = streets(size=(48, 80), train=7, val=2)
    assert data.ids("train")[-1] == "train-0006"
    sample = data.sample("val", "val-0001")
    assert (sample.image.shape, sample.image.dtype) == ((48, 80, 3), np.uint8)
    assert (sample.label.shape, sample.label.dtype) == ((48, 80), np.uint8)
    assert sample.id == "val-0001"


@pytest.mark.parametrize("size", [(16, 16), (33, 97), (96, 32)])
def test_any_shape_of_picture_can_be_drawn(size):
    for look in get_args(LookName):
        assert streets(look, size=size).sample("train", "train-0000").image.shape == (*size, 3)


def test_both_looks_share_one_class_set():
    assert streets("game").classes == streets("camera").classes
    assert len(CLASSES) == len(PALETTE) == len(set(PALETTE)) >= 10


def test_every_material_has_a_class_and_a_paint_in_each_look():
    assert len(CLASS_OF_MATERIAL) == len(Material)
    assert set(CLASS_OF_MATERIAL) == set(range(len(CLASSES)))
    for look in LOOKS.values():
        assert set(look.paints) == set(Material)


@pytest.mark.parametrize("look", LOOKS)
def test_every_class_is_in_a_modest_sample_and_none_fills_it(scenes, look):
    labels = np.stack([sample.label for sample in scenes[look]])
    shares = np.bincount(labels.ravel(), minlength=len(CLASSES)) / labels.size
    assert len(shares) == len(CLASSES)
    assert shares.min() > 0.004
    assert shares.max() < 0.5
    present = [np.mean([(sample.label == c).any() for sample in scenes[look]]) for c in range(len(CLASSES))]
    assert min(present) > 0.5


@pytest.mark.parametrize("look", LOOKS)
def test_labels_lie_where_the_picture_shows_their_edges(scenes, look):
    """The steps of brightness at borders between classes are higher than those two pixels to either side."""

    def contrast(sample, shift):
        steps = np.abs(np.diff(sample.image.astype(float).mean(-1), axis=1))
        borders = sample.label[:, 1:] != sample.label[:, :-1]
        return steps[np.roll(borders, shift, axis=1)].mean()

    aligned, left, right = (np.mean([contrast(s, shift) for s in scenes[look]]) for shift in (0, -2, 2))
    assert aligned > 1.3 * max(left, right)


def test_the_label_view_is_the_palette_of_the_labels_of_the_same_scene():
    photo = streets(view="image").sample("val", "val-0002")
    drawn = streets(view="label").sample("val", "val-0002")
    np.testing.assert_array_equal(drawn.label, photo.label)
    np.testing.assert_array_equal(drawn.image, np.asarray(PALETTE, np.uint8)[photo.label])


def class_colours(samples):
    pixels = np.concatenate([s.image.reshape(-1, 3) for s in samples]).astype(float)
    labels = np.concatenate([s.label.ravel() for s in samples])
    return np.stack([pixels[labels == c].mean(0) for c in range(len(CLASSES))])


def test_no_affine_change_of_colours_makes_the_classes_of_one_look_those_of_the_other(scenes):
    """Even the best of all affine maps, fitted with the labels, leaves a part of the distances between classes."""
    game, camera = class_colours(scenes["game"]), class_colours(scenes["camera"])
    known = np.hstack([game, np.ones((len(CLASSES), 1))])
    fitted = known @ np.linalg.lstsq(known, camera, rcond=None)[0]
    spread = np.linalg.norm(camera - camera.mean(0), axis=1).mean()
    assert np.linalg.norm(fitted - camera, axis=1).mean() > 0.5 * spread


def test_the_camera_is_softer_noisier_and_hazier_than_the_game(scenes):
    def fine(samples):
        return np.mean([np.abs(np.diff(s.image[-16:].astype(float), axis=1)).mean() for s in samples])

    def saturation(samples):
        return np.mean([np.ptp(s.image.astype(float), axis=-1).mean() for s in samples])

    assert fine(scenes["camera"]) > fine(scenes["game"])
    assert saturation(scenes["camera"]) < 0.5 * saturation(scenes["game"])
    assert np.mean([np.ptp(s.image) for s in scenes["camera"]]) < np.mean([np.ptp(s.image) for s in scenes["game"]])


def test_things_stand_otherwise_in_the_two_looks(scenes):
    def share(look, name):
        return np.mean([(s.label == CLASSES.index(name)).mean() for s in scenes[look]])

    assert share("camera", "car") > share("game", "car")
    assert share("camera", "sky") < share("game", "sky")


def test_the_fingerprint_follows_every_option_that_changes_the_split():
    base = streets().fingerprint("train")
    changes = [{"look": "game"}, {"view": "label"}, {"size": (32, 64)}, {"train": 299}, {"seed": 1}]
    prints = [streets(**change).fingerprint("train") for change in changes]
    assert len({base, streets().fingerprint("val"), *prints}) == len(changes) + 2
    assert streets(val=7).fingerprint("train") == base


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (lambda: streets().ids("trian"), "Did you mean 'train'"),
        (lambda: streets(val=0).ids("val"), "split 'val' is empty"),
        (lambda: streets(val=5).sample("val", "val-0005"), "no sample 'val-0005'"),
        (lambda: streets().sample("val", "train-0000"), "no sample 'train-0000'"),
    ],
)
def test_a_split_or_sample_that_is_not_there_is_named(action, words):
    with pytest.raises(DataError, match=words):
        action()


@pytest.mark.parametrize("size", [(64, 0), (8, 64), (64,)])
def test_a_size_too_small_to_draw_is_refused(size):
    with pytest.raises(ValidationError, match="size"):
        StreetsOptions(size=size)


def test_ids_are_in_order_and_unique():
    ids = streets().ids("train")
    assert all(first < second for first, second in pairwise(ids))


def test_options_load_no_heavy_library():
    code = f"import sys; sys.path[:0] = {sys.path!r}; import bench_datasets.options; "
    code += "print([m for m in ('torch', 'numpy', 'PIL', 'scipy', 'cv2') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
