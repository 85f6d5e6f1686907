"""Records as a table."""

import pytest

from benchmark.results.dataframe import load_results
from benchmark.results.records import write_record


def test_each_record_is_a_row_with_its_metrics_and_ious(tmp_path, record):
    for seed, miou in enumerate((0.4, 0.6)):
        nested = {"segmenter_seed": 2} if seed else {}
        details = {"details": {"segmentation": {"iou": {"road": miou, "sky": None}}}}
        write_record(tmp_path, record("cyclegan", seed=seed, miou=miou) | details | nested)
    table = load_results(tmp_path)
    assert table["seed"].tolist() == [0, 1]
    assert table["segmenter_seed"].tolist() == [0, 2]
    assert table.groupby("translator")["miou"].mean()["cyclegan"] == pytest.approx(0.5)
    assert table["iou.road"].tolist() == [0.4, 0.6]
    assert table["iou.sky"].isna().all()


def test_an_empty_folder_is_an_empty_table(tmp_path):
    assert len(load_results(tmp_path)) == 0
