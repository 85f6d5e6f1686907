"""Stored predictions are read back as they were written, and equal ones are equal files."""

import time

import numpy as np
import pytest

from benchmark.errors import DataError
from benchmark.store.predictions import read_predictions, write_predictions

MAPS = np.random.default_rng(0).integers(0, 19, (3, 8, 12), dtype=np.uint8)
IDS = ("aachen_1", "bochum_2", "münster_3")


def test_predictions_are_read_back_as_they_were_written(tmp_path):
    write_predictions(tmp_path, MAPS, IDS)
    found = read_predictions(tmp_path)
    assert (found.ids, found.maps.dtype) == (IDS, np.uint8)
    np.testing.assert_array_equal(found.maps, MAPS)


def test_equal_predictions_are_equal_files_whenever_they_are_written(tmp_path, monkeypatch):
    folders = [tmp_path / name for name in ("now", "later")]
    for folder, seconds in zip(folders, (0, 1e6), strict=True):
        folder.mkdir()
        now = time.localtime(time.time() + seconds)
        monkeypatch.setattr(time, "localtime", lambda *_, now=now: now)
        write_predictions(folder, MAPS, IDS)
    assert (folders[0] / "predictions.npz").read_bytes() == (folders[1] / "predictions.npz").read_bytes()


def test_predictions_that_are_not_there_are_one_line(tmp_path):
    with pytest.raises(DataError, match=r"predictions\.npz: expected stored predictions, but they cannot be read"):
        read_predictions(tmp_path)
