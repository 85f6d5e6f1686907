"""mIoU and its leave-one-group-out values follow from the counts of single images."""

import numpy as np
import pytest
import torch

from bench_metrics.segmentation import confusion_matrix, mean_iou
from benchmark.results.image_counts import group_counts
from benchmark.results.leaderboard import boards
from benchmark.results.records import problem_of

CLASSES = 3


@pytest.fixture
def labelled():
    """Labels and predictions of six images; class 2 is in the last image alone."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, (6, 40))
    labels[5] = random.integers(0, 3, 40)
    wrong = random.random((6, 40)) < 0.3
    predictions = np.where(wrong, random.integers(0, 2, (6, 40)), labels)
    return torch.tensor(labels, dtype=torch.uint8), torch.tensor(predictions, dtype=torch.uint8)


def _miou(labels, predictions):
    return mean_iou(confusion_matrix(predictions, labels, CLASSES)).item()


@pytest.fixture
def counted(labelled, record):
    labels, predictions = labelled
    images = {"intersection": [], "union": []}
    for label, prediction in zip(labels, predictions, strict=True):
        confusion = confusion_matrix(prediction, label, CLASSES)
        hits = confusion.diagonal()
        images["intersection"].append(hits.tolist())
        images["union"].append((confusion.sum(0) + confusion.sum(1) - hits).tolist())
    return record("cyclegan", 0, _miou(labels, predictions), details={"segmentation": {"image_counts": images}})


def test_the_counts_give_the_miou_of_the_metric(counted):
    assert group_counts(counted).miou == pytest.approx(counted["metrics"]["miou"])


def test_each_group_is_left_out_of_the_miou_in_turn(counted, labelled):
    labels, predictions = labelled
    found = group_counts(counted).miou_without_group
    for image in range(6):
        others = [number for number in range(6) if number != image]
        assert found[image] == pytest.approx(_miou(labels[others], predictions[others]))


def test_images_of_a_sequence_are_left_out_together(counted, labelled):
    labels, predictions = labelled
    groups = ["dusk", "dusk", "day", "dusk", "day", "night"]
    counts = group_counts(counted | {"test_groups": groups})
    assert counts.groups == 3
    for number, name in enumerate(("dusk", "day", "night")):
        others = [image for image, group in enumerate(groups) if group != name]
        assert counts.miou_without_group[number] == pytest.approx(_miou(labels[others], predictions[others]))


def test_the_iou_of_a_class_is_unknown_without_the_only_group_that_has_it(counted):
    without = group_counts(counted).iou_without_group(2)
    assert np.isfinite(without[:5]).all()
    assert np.isnan(without[5])


def test_counts_of_another_miou_than_that_of_the_record_are_not_used(counted):
    assert boards([counted])[0].warnings == ()
    counted["metrics"]["miou"] += 0.01
    assert group_counts(counted) is None
    (warning,) = boards([counted])[0].warnings
    assert warning.endswith("were not used: cyclegan")


def test_groups_of_another_number_of_images_are_not_used(counted):
    assert group_counts(counted | {"test_groups": ["a", "b"]}) is None


def test_a_record_without_counts_has_none(record):
    assert group_counts(record("cyclegan", 0, 0.5, details={"ssim": {"images": 300}})) is None


@pytest.mark.parametrize(
    "images",
    [
        {"intersection": [[1, 2]]},
        {"intersection": [[1, 2]], "union": [[1, 2], [3, 4]]},
        {"intersection": [[1, 2], [3]], "union": [[1, 2], [3]]},
        {"intersection": [[1.5, 2]], "union": [[2, 3]]},
        {"intersection": [[-1, 2]], "union": [[2, 3]]},
        {"intersection": [], "union": []},
    ],
)
def test_malformed_counts_are_refused(record, images):
    damaged = record("cyclegan", 0, 0.5, details={"segmentation": {"image_counts": images}})
    assert "details.segmentation.image_counts" in problem_of(damaged)


@pytest.mark.parametrize("fields", [{"role": "reference"}, {"segmenter_seed": -1}, {"family": 3}, {"test_groups": "a"}])
def test_malformed_fields_of_a_nested_sample_are_refused(record, fields):
    assert next(iter(fields)) in problem_of(record("cyclegan", 0, 0.5) | fields)
