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


def test_every_file_of_roads_fits_its_mapping():
    if not os.environ.get("BENCH_DATA") or not (Path(os.environ["BENCH_DATA"]) / "roads").is_dir():
        pytest.skip("BENCH_DATA names no folder that holds `roads`")
    described = scenario("roads")
    counts = {}
    for where, side in (("source", described.source), ("target", described.target)):
        data = open_side(side)
        for split in (side.train, side.test):
            ids = data.ids(split)
            counts[where, split] = len(ids)
            seen = {int(i) for name in ids[::10] for i in np.unique(data.sample(split, name).label)}
            assert seen <= {*range(10), 255}
    assert counts == {("source", "train"): 369, ("source", "val"): 51, ("target", "train"): 367, ("target", "val"): 101}
