"""The shipped scenarios describe data that their data sets can read."""

import os
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from bench_datasets.folder import Folder
from bench_datasets.options import FolderOptions, StreetsOptions
from bench_datasets.streets import Streets
from benchmark import Scenario

FILES = sorted((Path(__file__).parents[3] / "configs" / "scenarios").glob("*.toml"))
DATASETS = {"streets": (Streets, StreetsOptions), "folder": (Folder, FolderOptions)}


def scenario(name):
    file = next(file for file in FILES if file.stem == name)
    return Scenario(**tomllib.loads(file.read_text()))


def open_side(side):
    dataset, options = DATASETS[side.dataset]
    return dataset(options(**side.options))


def put(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


@pytest.fixture
def benchmark_trees(tmp_path, monkeypatch):
    """GTA5, SYNTHIA and Cityscapes in miniature, named as their downloads are."""
    picture = np.zeros((4, 6, 3), np.uint8)
    ids = np.array([[7, 8, 11, 26, 23, 0]] * 4, np.uint8)
    palette = Image.fromarray(ids, mode="P")
    palette.putpalette(list(range(256)) * 3)
    put(tmp_path / "gta5/images/00001.png", picture)
    (tmp_path / "gta5/labels").mkdir(parents=True)
    palette.save(tmp_path / "gta5/labels/00001.png")
    put(tmp_path / "synthia/RGB/0000000.png", picture)
    (tmp_path / "synthia/GT/LABELS").mkdir(parents=True)
    synthia = np.array([[3, 4, 2, 8, 1, 0]] * 4, np.uint16)
    channels = np.stack([np.zeros_like(synthia), synthia + 9, synthia], axis=-1)
    cv2.imwrite(str(tmp_path / "synthia/GT/LABELS/0000000.png"), channels)
    for split in ("train", "val"):
        put(tmp_path / f"cityscapes/leftImg8bit/{split}/ulm/ulm_0_1_leftImg8bit.png", picture)
        put(tmp_path / f"cityscapes/gtFine/{split}/ulm/ulm_0_1_gtFine_labelIds.png", ids)
        put(tmp_path / f"cityscapes/gtFine/{split}/ulm/ulm_0_1_gtFine_color.png", picture)
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", [file.stem for file in FILES])
def test_a_scenario_is_named_as_its_file_and_its_options_are_valid(name):
    described = scenario(name)
    assert described.name == name
    assert described.summary.endswith(".")
    for side in (described.source, described.target):
        DATASETS[side.dataset][1](**side.options)
    assert described.source.options.get("classes") == described.target.options.get("classes")
    assert described.source.options.get("palette") == described.target.options.get("palette")


@pytest.mark.parametrize(
    ("name", "classes"), [("gta5-cityscapes", 19), ("synthia-cityscapes-16", 16), ("synthia-cityscapes-13", 13)]
)
def test_both_sides_of_a_city_scenario_read_the_same_classes(benchmark_trees, name, classes):
    described = scenario(name)
    for side in (described.source, described.target):
        data = open_side(side)
        label = data.sample(side.test, data.ids(side.test)[0]).label
        names = [data.classes.names[i] if i != 255 else "ignore" for i in label[0]]
        assert names == ["road", "sidewalk", "building", "car", "sky", "ignore"]
        assert len(data.classes) == classes


def test_paired_streets_show_one_scene_under_one_id():
    for name in ("streets-labels-to-photo", "streets-photo-to-labels"):
        described = scenario(name)
        assert described.paired
        source, target = (open_side(side) for side in (described.source, described.target))
        first = source.ids("train")[3]
        np.testing.assert_array_equal(source.sample("train", first).label, target.sample("train", first).label)


FOLDS = ("roads-fold-0001TP", "roads-fold-0006R0", "roads-fold-0016E5")
DAY = ("0006R0_f00930", "0016E5_00390", "0016E5_08001")
DUSK = ("0001TP_006690", "0001TP_007590", "0001TP_007620", "0001TP_008520")


@pytest.fixture
def real_trees(tmp_path, monkeypatch):
    """`roads` and `towns` in miniature, with all native ids of their labels."""
    picture = np.zeros((4, 24, 3), np.uint8)

    def labelled(folder, name, ids):
        put(tmp_path / folder / "images" / f"{name}.jpg", picture)
        put(tmp_path / folder / "labels" / f"{name}.png", np.array([[*range(ids)] + [0] * (24 - ids)] * 4, np.uint8))

    for split in ("train", "val"):
        labelled("roads/sim", f"sim_{split}", 24)
        (tmp_path / f"roads/sim/{split}.txt").write_text(f"sim_{split}\n")
        labelled(f"towns/{split}", f"street_{split}", 9)
    for name in (*DAY, *DUSK):
        labelled("roads/camvid/val" if name == "0016E5_08001" else "roads/camvid/train", name, 12)
    for light, names in (("day", DAY), ("dusk", DUSK)):
        paths = [f"{'val' if name == '0016E5_08001' else 'train'}/images/{name}.jpg" for name in names]
        (tmp_path / f"roads/camvid/{light}.txt").write_text("\n".join(paths))
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))


def classes_by_native_id(side, split):
    """The class of each native id of the first label, None where it is ignored."""
    data = open_side(side)
    label = data.sample(split, data.ids(split)[0]).label
    return [data.classes.names[i] if i != 255 else None for i in label[0]]


def test_each_fold_of_roads_tests_on_a_sequence_that_it_learns_nothing_from(real_trees):
    tested = []
    for fold in FOLDS:
        side = scenario(fold).target
        data = open_side(side)
        sequences = [{name.partition("_")[0] for name in data.ids(split)} for split in (side.train, side.test)]
        assert sequences[1] == {fold.removeprefix("roads-fold-")}
        assert not sequences[0] & sequences[1]
        assert len(data.ids(side.train)) + len(data.ids(side.test)) == len(DAY + DUSK)
        tested += data.ids(side.test)
    assert sorted(tested) == sorted(DAY + DUSK)


@pytest.mark.parametrize("name", FOLDS)
def test_folds_of_roads_read_labels_as_roads_does(real_trees, name):
    described, whole = scenario(name), scenario("roads")
    assert described.source == whole.source
    assert described.target.options["classes"] == whole.target.options["classes"]
    assert described.target.options["mapping"] == whole.target.options["mapping"]


@pytest.mark.parametrize("name", ["towns", "camvid-towns"])
def test_six_common_classes_keep_their_meaning_and_all_others_are_ignored(real_trees, name):
    described = scenario(name)
    common = set(described.source.options["classes"])
    assert common == {"road", "sidewalk", "building", "vegetation", "sky", "car"}
    original = scenario("roads").source if name == "towns" else scenario("roads").target
    expected = [each if each in common else None for each in classes_by_native_id(original, "train")]
    assert classes_by_native_id(described.source, "train") == expected
    towns = [None, "building", "car", "building", "sidewalk", "road", "sky", "vegetation", "building"]
    assert classes_by_native_id(described.target, "val")[:9] == towns


def test_all_labelled_frames_of_camvid_are_the_source_of_camvid_towns(real_trees):
    side = scenario("camvid-towns").source
    assert sorted(open_side(side).ids(side.train)) == sorted(DAY + DUSK)


def test_the_dusk_is_learnt_from_and_tested_on_in_different_halves(real_trees):
    described = scenario("camvid-day-dusk")
    assert open_side(described.source).ids("train") == list(DAY)
    assert [open_side(described.target).ids(split) for split in ("train", "val")] == [list(DUSK[:2]), list(DUSK[2:])]


REAL_COUNTS = {
    "roads": (369, 51, 367, 101),
    "roads-fold-0001TP": (369, 51, 406, 62),
    "roads-fold-0006R0": (369, 51, 367, 101),
    "roads-fold-0016E5": (369, 51, 163, 305),
    "towns": (369, 51, 287, 92),
    "camvid-towns": (468, 468, 287, 92),
    "camvid-day-dusk": (406, 406, 31, 31),
}


@pytest.mark.parametrize("name", REAL_COUNTS)
def test_every_file_of_real_data_fits_its_mapping(name):
    described, expected_counts = scenario(name), REAL_COUNTS[name]
    roots = {side.options["root"].partition("/")[0] for side in (described.source, described.target)}
    for root in roots:
        if not os.environ.get("BENCH_DATA") or not (Path(os.environ["BENCH_DATA"]) / root).is_dir():
            pytest.skip(f"BENCH_DATA names no folder that holds `{root}`")
    counts = []
    for side in (described.source, described.target):
        data = open_side(side)
        for split in (side.train, side.test):
            ids = data.ids(split)
            counts.append(len(ids))
            seen = {int(i) for name in ids[::10] for i in np.unique(data.sample(split, name).label)}
            assert seen <= {*range(len(data.classes)), 255}
    assert tuple(counts) == expected_counts
