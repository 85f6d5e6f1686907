"""Semantic flips: planted ones are found exactly, and what is read is scored as torchmetrics does."""

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_accuracy, multiclass_jaccard_index

from bench_metrics.semantic_flip import (
    SemanticFlip,
    describe_flip,
    flip_rate,
    introduced_flips,
    strongest_flips,
)
from benchmark import IGNORE, PluginOptions, Unavailable

ROAD, CAR, SKY, POLE, TREE = range(5)
WIDTH = 20


class ReadsColours:
    """An exact oracle of images that are painted in the colours of the classes."""

    def __init__(self, classes):
        self.palette = torch.tensor(classes.palette) / 255

    def predict(self, images):
        distances = (images[:, None] - self.palette[None, :, :, None, None]).abs().sum(dim=2)
        return distances.argmin(dim=1).byte()


@pytest.fixture
def paint(classes):
    """Label maps as images in the colours of their classes."""
    palette = torch.tensor(classes.palette) / 255
    return lambda labels: palette[labels.long() % len(classes)].permute(0, 3, 1, 2)


@pytest.fixture
def metric(classes, context):
    context.target_segmenter = ReadsColours(classes)
    metric = SemanticFlip(PluginOptions())
    metric.start(classes, context)
    return metric


def street(sky_rows=10):
    """A label map of sky, road and a car; one row at the bottom is ignored."""
    labels = torch.full((1, 20, WIDTH), ROAD, dtype=torch.uint8)
    labels[:, :sky_rows] = SKY
    labels[:, 15, :4] = CAR
    labels[:, -1] = IGNORE
    return labels


def planted(labels, share):
    """The same map with so many of its sky pixels turned to trees."""
    seen = labels.clone()
    sky = (labels.flatten() == SKY).nonzero().flatten()
    seen.view(-1)[sky[: round(share * len(sky))]] = TREE
    return seen


def test_planted_flips_are_found_exactly(metric, paint):
    streets = [street(sky_rows) for sky_rows in (10, 8, 6, 4)]
    shares = [0.0, 0.1, 0.0, 0.1]
    metric.name_images(["a", "b", "c", "d"])
    for labels, share in zip(streets, shares, strict=True):
        metric.update(paint(labels), paint(planted(labels, share)), labels)

    flipped, labelled = 16 + 8, 4 * 19 * WIDTH
    numbers = metric.compute()
    assert numbers["flip_rate"] == numbers["flip_rate_introduced"] == flipped / labelled
    assert numbers["flip_rate_source"] == 0
    details = metric.details()
    off_diagonal = {
        (label, reading): count
        for label, row in details["table"].items()
        for reading, count in row.items()
        if count and label != reading
    }
    assert off_diagonal == {("sky", "tree"): flipped}
    assert details["highlights"] == ["sky -> tree: 4.3 % of sky (0.0 % before translation)"]
    assert details["worst_images"] == [
        {"image": "b", "flip_rate": 16 / 380, "flip_rate_source": 0.0, "main_flip": "sky -> tree"},
        {"image": "d", "flip_rate": 8 / 380, "flip_rate_source": 0.0, "main_flip": "sky -> tree"},
    ]


def test_without_a_flip_nothing_is_listed(metric, paint):
    labels = street()
    metric.update(paint(labels), paint(labels), labels)
    numbers, details = metric.compute(), metric.details()
    assert [numbers[name] for name in ("flip_rate", "flip_rate_introduced", "flip_rate_source")] == [0, 0, 0]
    assert numbers["fcn_score_miou"] == numbers["fcn_score_class_accuracy"] == 1
    assert details["highlights"] == details["worst_images"] == []


def test_a_misreading_that_was_there_before_is_not_introduced(metric, paint):
    labels = street()
    metric.update(paint(planted(labels, 0.1)), paint(planted(labels, 0.3)), labels)
    numbers = metric.compute()
    assert numbers["flip_rate_source"] == 20 / 380
    assert numbers["flip_rate_introduced"] == 40 / 380
    assert numbers["flip_rate"] == 60 / 380
    assert metric.details()["highlights"] == ["sky -> tree: 30.0 % of sky (10.0 % before translation)"]


def test_a_misreading_that_translation_repairs_lowers_the_flip_rate_alone(metric, paint):
    labels = street()
    metric.update(paint(planted(labels, 0.2)), paint(labels), labels)
    numbers = metric.compute()
    assert (numbers["flip_rate"], numbers["flip_rate_introduced"]) == (0, 0)
    assert numbers["flip_rate_source"] == 40 / 380


def test_the_reading_is_scored_as_torchmetrics_does(metric, paint):
    generator = torch.Generator().manual_seed(4)
    labels, before, after = torch.randint(0, 5, (3, 6, 8, 9), generator=generator, dtype=torch.uint8)
    labels[torch.rand(labels.shape, generator=generator) < 0.2] = IGNORE
    metric.update(paint(before), paint(after), labels)
    numbers = metric.compute()
    options = {"num_classes": 5, "ignore_index": IGNORE}

    def accuracy(seen, average):
        return multiclass_accuracy(seen.int(), labels.int(), average=average, **options).item()

    assert numbers["flip_rate"] == pytest.approx(1 - accuracy(after, "micro"), abs=1e-6)
    assert numbers["flip_rate_source"] == pytest.approx(1 - accuracy(before, "micro"), abs=1e-6)
    assert numbers["fcn_score_class_accuracy"] == pytest.approx(accuracy(after, "macro"), abs=1e-6)
    assert numbers["fcn_score_miou"] == pytest.approx(
        multiclass_jaccard_index(after.int(), labels.int(), **options).item(), abs=1e-6
    )
    counts = labels != IGNORE
    introduced = (before[counts] == labels[counts]) & (after[counts] != labels[counts])
    assert numbers["flip_rate_introduced"] == pytest.approx(introduced.double().mean().item())


def test_batches_give_what_the_whole_set_gives(classes, context, paint):
    generator = torch.Generator().manual_seed(5)
    labels, seen = torch.randint(0, 5, (2, 4, 6, 7), generator=generator, dtype=torch.uint8)
    context.target_segmenter = ReadsColours(classes)
    found = []
    for size in (1, 3, 4):
        metric = SemanticFlip(PluginOptions())
        metric.start(classes, context)
        for some_labels, some_seen in zip(labels.split(size), seen.split(size), strict=True):
            metric.update(paint(some_labels), paint(some_seen), some_labels)
        found.append((metric.compute(), metric.details()))
    assert found[0] == found[1] == found[2]


def test_the_worst_ten_images_are_listed_by_their_share_of_flipped_pixels(metric, paint):
    shares = [number / 20 for number in (3, 1, 4, 0, 5, 9, 2, 6, 8, 7, 11, 12, 3)]
    for share in shares:
        metric.update(paint(street()), paint(planted(street(), share)), street())
    worst = [image["image"] for image in metric.details()["worst_images"]]
    assert worst == [11, 10, 5, 8, 9, 7, 4, 2, 0, 12]


def test_an_image_with_fewer_but_a_larger_share_of_flipped_pixels_is_the_worse_one(metric, paint):
    labels, sky_alone = street(), street()
    sky_alone[:, 10:] = IGNORE
    metric.update(paint(labels), paint(planted(labels, 20 / 200)), labels)
    metric.update(paint(labels), paint(planted(labels, 16 / 200)), sky_alone)
    assert [image["image"] for image in metric.details()["worst_images"]] == [1, 0]


def test_an_image_of_ignored_pixels_alone_counts_nowhere(metric, paint):
    labels = street()
    metric.update(paint(labels), paint(planted(labels, 0.1)), labels)
    nothing = torch.full_like(labels, IGNORE)
    metric.update(paint(labels), paint(planted(labels, 0.5)), nothing)
    assert metric.compute()["flip_rate"] == 20 / 380
    assert [image["image"] for image in metric.details()["worst_images"]] == [0]


def test_the_strongest_flips_are_those_of_most_pixels():
    generator = np.random.default_rng(0)
    readings = generator.integers(0, 50, (6, 6))
    pairs = [(row, column) for row in range(6) for column in range(6) if row != column and readings[row, column]]
    expected = sorted(pairs, key=lambda pair: (-readings[pair], pair))
    assert strongest_flips(torch.from_numpy(readings), limit=36) == expected
    assert strongest_flips(torch.from_numpy(readings), limit=4) == expected[:4]


def test_flip_rate_of_a_case_worked_by_hand():
    readings = torch.tensor([[6, 2], [1, 1]])
    assert flip_rate(readings) == 3 / 10
    assert np.isnan(flip_rate(torch.zeros(2, 2, dtype=torch.int64)))


def test_a_flip_is_told_in_shares_of_its_class():
    before, after = torch.tensor([[199, 1], [0, 5]]), torch.tensor([[150, 50], [0, 5]])
    line = describe_flip(strongest_flips(after)[0], before, after, ("sky", "tree"))
    assert line == "sky -> tree: 25.0 % of sky (0.5 % before translation)"


def test_introduced_flips_leave_ignored_pixels_out():
    labels = torch.tensor([SKY, SKY, SKY, IGNORE, IGNORE], dtype=torch.uint8)
    before = torch.tensor([SKY, TREE, SKY, SKY, IGNORE], dtype=torch.uint8)
    after = torch.tensor([TREE, TREE, SKY, TREE, TREE], dtype=torch.uint8)
    assert introduced_flips(labels, before, after) == 1


def test_without_a_auxiliary_segmenter_labels_or_labelled_pixels_there_is_a_reason(metric, classes, context, paint):
    labels = street()
    with pytest.raises(Unavailable, match="every label is 'ignore'"):
        metric.compute()
    with pytest.raises(Unavailable, match="labels of the source images"):
        metric.update(paint(labels), paint(labels), None)
    context.target_segmenter = None
    with pytest.raises(Unavailable, match="trained on labelled target images"):
        SemanticFlip(PluginOptions()).start(classes, context)
