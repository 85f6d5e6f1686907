"""Predictions at the size of the scenario are measured again at the size of the labels, where less can be reached."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from bench_metrics.segmentation import confusion_matrix, mean_iou
from benchmark import StageContext
from benchmark.api.imageset import ImageSet
from benchmark.execution.driver import execute
from benchmark.execution.inline import InlineExecutor
from benchmark.plan.planner import make_plan
from benchmark.stages.native_scoring import score_segmentation_native
from benchmark.stages.preparation import prepare, resize_array
from benchmark.stages.scoring import score_segmentation
from benchmark.store.predictions import write_predictions

METRIC = {"name": "segmentation", "version": "1", "options": {}}
NATIVE, SMALL = (64, 128), (32, 64)


@pytest.fixture
def perfect(tmp_path, toys):
    """Folders of a small test set of `streets` and of predictions that are its labels."""
    options = {"look": "camera", "size": NATIVE, "train": 0, "val": 3, "seed": 0}
    dataset = {"name": "streets", "version": "1", "options": options}
    spec = {"dataset": dataset, "split": "val", "size": SMALL}
    inputs = {name: tmp_path / name for name in ("test", "predictions")}
    for folder in inputs.values():
        folder.mkdir()
    prepare(spec, {}, StageContext(inputs["test"]), toys)
    test = ImageSet.open(inputs["test"])
    write_predictions(inputs["predictions"], np.where(test.labels == 255, 0, test.labels), test.ids)
    return {"metric": METRIC, **spec}, inputs


def metrics_of(work, spec, inputs, folder, toys):
    folder.mkdir()
    work(spec, inputs, StageContext(folder), toys)
    return json.loads((folder / "metrics.json").read_text())


def test_a_perfect_map_at_half_the_size_is_not_perfect_at_the_size_of_the_labels(perfect, tmp_path, toys):
    spec, inputs = perfect
    small = metrics_of(score_segmentation, spec, inputs, tmp_path / "small", toys)
    native = metrics_of(score_segmentation_native, spec, inputs, tmp_path / "native", toys)
    assert small["metrics"]["miou"] == 1
    assert 0.5 < native["metrics"]["miou_native"] < 0.95


def test_values_at_native_size_are_those_of_enlarged_maps_against_the_labels_of_the_data_set(perfect, tmp_path, toys):
    spec, inputs = perfect
    native = metrics_of(score_segmentation_native, spec, inputs, tmp_path / "native", toys)
    dataset = toys.create(toys.find("dataset", "streets"), spec["dataset"]["options"])
    test = ImageSet.open(inputs["test"])
    counts = sum(
        confusion_matrix(
            torch.from_numpy(resize_array(np.where(small == 255, 0, small), *NATIVE, smooth=False).copy()),
            torch.from_numpy(dataset.sample("val", name).label.copy()),
            len(test.classes),
        )
        for name, small in zip(test.ids, test.labels, strict=True)
    )
    assert native["metrics"]["miou_native"] == pytest.approx(mean_iou(counts).item(), abs=1e-12)
    assert native["values"]["miou_native"]["summary"].endswith("At the native size of the labels.")
    assert "iou" not in native["details"]["segmentation_native"]


def test_a_scenario_may_ask_for_values_at_native_size_beside_the_others(toys, store, matrix_of, dusk, diary):
    usual = matrix_of("shift", scenarios=(dusk.model_copy(update={"size": (4, 6)}),), metrics=("accuracy",))
    native = replace(usual, scenarios=(dusk.model_copy(update={"size": (4, 6), "evaluate": "native"}),))
    execute(make_plan(usual, toys), store, InlineExecutor(), toys)
    execute(make_plan(native, toys), store, InlineExecutor(), toys, listener=diary)
    assert {kind for kind, _ in diary.started} == {"score-segmentation-native"}
    record = diary.records["shift", "nearest", 0]
    assert set(record["metrics"]) == {"accuracy", "accuracy_native"}
    assert record["metrics"]["accuracy"] != record["metrics"]["accuracy_native"]


def test_scenarios_of_papers_are_also_measured_at_native_size(toys):
    native = {name for name, scenario in toys.scenarios().items() if scenario.evaluate == "native"}
    assert native == {"gta5-cityscapes", "synthia-cityscapes-13", "synthia-cityscapes-16"}
