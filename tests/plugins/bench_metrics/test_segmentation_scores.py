"""Segmentation scores equal torchmetrics' on random labels, and refuse what they cannot count."""

import pytest
import torch
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_confusion_matrix,
    multiclass_jaccard_index,
)

from bench_metrics.segmentation import (
    SCORES,
    SegmentationScores,
    class_accuracy,
    class_iou,
    confusion_matrix,
    frequency_weighted_iou,
    mean_iou,
)
from benchmark import DataError, PluginError, PluginOptions, Unavailable

CLASSES = 5
IGNORE = 255


def draw(generator):
    """Labels with ignored pixels; class 2 is nowhere, class 3 predicted only, class 4 true only."""
    predictions = torch.randint(0, 4, (3, 6, 7), generator=generator, dtype=torch.uint8)
    labels = torch.where(torch.rand(predictions.shape, generator=generator) < 0.5, predictions, predictions.flip(0))
    predictions[predictions == 2] = 0
    labels[labels == 2] = 4
    labels[labels == 3] = 1
    labels[torch.rand(labels.shape, generator=generator) < 0.2] = IGNORE
    return predictions, labels


def torchmetrics_of(function, **options):
    def reference(predictions, labels):
        return function(predictions.int(), labels.int(), num_classes=CLASSES, ignore_index=IGNORE, **options)

    return reference


REFERENCES = {
    "pixel_accuracy": torchmetrics_of(multiclass_accuracy, average="micro"),
    "mean_pixel_accuracy": torchmetrics_of(multiclass_accuracy, average="macro"),
    "miou": torchmetrics_of(multiclass_jaccard_index, average="macro"),
    "fwiou": torchmetrics_of(multiclass_jaccard_index, average="weighted"),
}


def test_the_confusion_matrix_equals_that_of_torchmetrics(agrees):
    agrees(lambda p, t: confusion_matrix(p, t, CLASSES), torchmetrics_of(multiclass_confusion_matrix), draw)


@pytest.mark.parametrize("name", SCORES)
def test_a_score_equals_that_of_torchmetrics(name, agrees):
    agrees(lambda p, t: SCORES[name](confusion_matrix(p, t, CLASSES)), REFERENCES[name], draw)


def test_scores_of_a_case_worked_by_hand():
    confusion = torch.tensor([[3, 1], [2, 4]])
    assert class_iou(confusion).tolist() == pytest.approx([3 / 6, 4 / 7])
    assert class_accuracy(confusion).tolist() == pytest.approx([3 / 4, 4 / 6])
    assert mean_iou(confusion).item() == pytest.approx((3 / 6 + 4 / 7) / 2)
    assert frequency_weighted_iou(confusion).item() == pytest.approx(0.4 * 3 / 6 + 0.6 * 4 / 7)


def test_a_class_that_is_nowhere_is_left_out_of_the_means():
    confusion = torch.tensor([[3, 1, 0], [2, 4, 0], [0, 0, 0]])
    assert mean_iou(confusion) == mean_iou(confusion[:2, :2])
    assert class_iou(confusion).isnan().tolist() == class_accuracy(confusion).isnan().tolist() == [False, False, True]


def test_a_class_that_is_only_predicted_counts_as_zero():
    confusion = torch.tensor([[4, 1], [0, 0]])
    assert class_iou(confusion).tolist() == pytest.approx([0.8, 0.0])
    assert class_accuracy(confusion).tolist() == pytest.approx([0.8, 0.0])


def test_batches_give_what_the_whole_set_gives(classes, context):
    predictions, labels = draw(torch.Generator().manual_seed(1))
    metric = SegmentationScores(PluginOptions())
    metric.start(classes, context)
    for batch in (slice(0, 1), slice(1, 3)):
        metric.update(predictions[batch], labels[batch])
    whole = confusion_matrix(predictions, labels, CLASSES)
    assert metric.compute() == {name: score(whole).item() for name, score in SCORES.items()}
    assert metric.details()["confusion"] == whole.tolist()


def test_details_name_the_classes_and_count_ignored_pixels(classes, context):
    predictions, labels = draw(torch.Generator().manual_seed(2))
    metric = SegmentationScores(PluginOptions())
    metric.start(classes, context)
    metric.update(predictions, labels)
    details = metric.details()
    assert details["iou"]["sky"] is details["accuracy"]["sky"] is None
    assert details["iou"]["pole"] == details["iou"]["tree"] == 0.0
    assert 0 < details["iou"]["road"] < details["accuracy"]["road"] <= 1
    assert details["ignored_pixels"] == (labels == IGNORE).sum().item() > 0


def test_a_prediction_outside_the_classes_is_refused_where_the_label_counts():
    predictions, labels = torch.tensor([[0, 9, 255]], dtype=torch.uint8), torch.zeros(1, 3, dtype=torch.uint8)
    with pytest.raises(PluginError, match=r"predictions: expected train ids 0\.\.4, got 9, 255"):
        confusion_matrix(predictions, labels, CLASSES)
    labels[0, 1:] = IGNORE
    assert confusion_matrix(predictions, labels, CLASSES).sum() == 1


def test_a_label_outside_the_classes_is_refused():
    labels = torch.tensor([[0, 7]], dtype=torch.uint8)
    with pytest.raises(DataError, match=r"labels: expected train ids 0\.\.4 or 255 \(ignore\), got 7"):
        confusion_matrix(torch.zeros_like(labels), labels, CLASSES)


@pytest.mark.parametrize("predictions", [torch.zeros(1, 2, 3), torch.zeros(1, 4, 3, dtype=torch.uint8)])
def test_predictions_of_another_type_or_shape_are_refused(predictions):
    with pytest.raises(PluginError, match=r"expected uint8 train ids of shape \(1, 2, 3\), got torch"):
        confusion_matrix(predictions, torch.zeros(1, 2, 3, dtype=torch.uint8), CLASSES)


def test_without_a_labelled_pixel_there_is_a_reason_and_no_nan(classes, context):
    metric = SegmentationScores(PluginOptions())
    metric.start(classes, context)
    metric.update(torch.zeros(1, 2, 2, dtype=torch.uint8), torch.full((1, 2, 2), IGNORE, dtype=torch.uint8))
    with pytest.raises(Unavailable, match="every label is 'ignore'"):
        metric.compute()
