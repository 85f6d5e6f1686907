"""The shipped data sets keep the contract of a data set."""

import numpy as np
import pytest
from PIL import Image

from bench_datasets.folder import Folder
from bench_datasets.options import FolderOptions, StreetsOptions
from bench_datasets.streets import Streets
from benchmark.testing import DatasetConformance


class TestStreets(DatasetConformance):
    variations = (
        {"seed": 5},
        {"look": "camera"},
        {"look": "game-all"},
        {"view": "label"},
        {"size": (24, 48)},
        {"train": 5},
        {"val": 3},
    )

    def make(self, **changes):
        return Streets(StreetsOptions(**{"train": 4, "val": 2, "size": (32, 64), **changes}))


class TestFolder(DatasetConformance):
    variations = (
        {"pixel": 91},
        {"native": 23},
        {"mapping": {"7": "sky", "23": "road", "0": "ignore"}},
        {"exclude": ("b",)},
        {"palette": ((1, 2, 3), (4, 5, 6))},
        {"litter": True},
    )

    @pytest.fixture(autouse=True)
    def _root(self, tmp_path, monkeypatch):
        monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
        self.root = tmp_path / "set"

    def make(self, pixel=90, native=7, litter=False, **changes):
        """`pixel` and `native` are those of the file `a`; `litter` lays a file beside the images that is none."""
        for number, place in enumerate(("images/a", "images/b", "val/c")):
            self.write(f"{place}.png", np.full((8, 12, 3), pixel if number == 0 else 50 + number, np.uint8))
        self.write("labels/a.png", np.full((8, 12), native, np.uint8))
        self.write("labels/b.png", np.full((8, 12), 23, np.uint8))
        self.write("val_labels/c.png", np.full((8, 12), 7, np.uint8))
        if litter:
            (self.root / "images" / "notes.txt").write_text("litter")
        splits = {"train": {}, "val": {"images": "val", "labels": "val_labels"}}
        base = {"classes": ("road", "sky"), "mapping": {"7": "road", "23": "sky", "0": "ignore"}, "splits": splits}
        return Folder(FolderOptions(**{"root": str(self.root), **base, **changes}))

    def write(self, place, pixels):
        path = self.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
