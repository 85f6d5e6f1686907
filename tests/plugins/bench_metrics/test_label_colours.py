"""Painted label maps are read by the nearest colour, as scipy finds it, and scored as torchmetrics does."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from torchmetrics.functional.classification import multiclass_accuracy, multiclass_jaccard_index

from bench_metrics.label_colours import LabelColours, nearest_colour, palette_share
from benchmark import IGNORE, ClassSet, PluginOptions, Unavailable


@pytest.fixture
def palette(classes):
    return torch.tensor(classes.palette, dtype=torch.float32)


@pytest.fixture
def paint(palette):
    return lambda labels: palette[labels.long() % len(palette)].permute(0, 3, 1, 2) / 255


@pytest.fixture
def metric(classes, context):
    metric = LabelColours(PluginOptions())
    metric.start(classes, context)
    return metric


def draw(generator):
    """8-bit images of any colour."""
    return torch.randint(0, 256, (2, 3, 9, 11), generator=generator) / 255


def test_the_nearest_colour_is_that_of_scipy():
    """The palette is that of Cityscapes' nineteen classes, whose colours lie close together."""
    colours = """128 64 128 244 35 232 70 70 70 102 102 156 190 153 153 153 153 153 250 170 30 220 220 0 107 142 35
        152 251 152 70 130 180 220 20 60 255 0 0 0 0 142 0 0 70 0 60 100 0 80 100 0 0 230 119 11 32"""
    palette = np.array(colours.split(), np.float32).reshape(19, 3)
    for seed in range(4):
        images = draw(torch.Generator().manual_seed(seed))
        index, squares = nearest_colour(images, torch.from_numpy(palette))
        pixels = (images * 255).round().permute(0, 2, 3, 1).reshape(-1, 3)
        distances = cdist(pixels.numpy(), palette, "sqeuclidean")
        np.testing.assert_array_equal(index.flatten().numpy(), distances.argmin(axis=1))
        np.testing.assert_array_equal(squares.flatten().numpy(), distances.min(axis=1))


def test_a_pixel_between_two_colours_goes_to_the_first():
    palette = torch.tensor([[10.0, 0, 0], [20.0, 0, 0]])
    image = torch.tensor([15, 0, 0]).view(1, 3, 1, 1) / 255
    assert nearest_colour(image, palette)[0].item() == 0
    assert nearest_colour(image, palette.flip(0))[0].item() == 0


def test_palette_share_counts_colours_that_are_all_but_right():
    palette = torch.tensor([[100.0, 100, 100]])
    reds = torch.tensor([100.0, 116.0, 117.0, 200.0])
    images = torch.stack([reds, torch.full((4,), 100.0), torch.full((4,), 100.0)]).view(1, 3, 1, 4) / 255
    assert palette_share(images, palette).item() == 0.5


def test_the_scores_equal_those_of_torchmetrics(metric, paint):
    """Also with a little noise in the colours, which the nearest one forgives."""
    generator = torch.Generator().manual_seed(3)
    labels, painted = torch.randint(0, 5, (2, 4, 8, 9), generator=generator, dtype=torch.uint8)
    labels[torch.rand(labels.shape, generator=generator) < 0.2] = IGNORE
    noisy = paint(painted) + 0.03 * torch.randn(4, 3, 8, 9, generator=generator)
    for batch in (slice(0, 1), slice(1, 4)):
        metric.update(noisy[batch].clamp(0, 1), noisy[batch].clamp(0, 1), labels[batch])
    numbers, options = metric.compute(), {"num_classes": 5, "ignore_index": IGNORE}
    seen, truth = painted.int(), labels.int()
    assert numbers["label_pixel_accuracy"] == pytest.approx(
        multiclass_accuracy(seen, truth, average="micro", **options).item()
    )
    assert numbers["label_class_accuracy"] == pytest.approx(
        multiclass_accuracy(seen, truth, average="macro", **options).item()
    )
    assert numbers["label_iou"] == pytest.approx(multiclass_jaccard_index(seen, truth, **options).item())
    assert np.sum(metric.details()["confusion"]) == (labels != IGNORE).sum().item()


def test_a_right_label_map_scores_one_whatever_is_painted_where_the_label_is_ignored(metric, paint):
    labels = torch.tensor([[[0, 1, 2, 3, 4, IGNORE]]], dtype=torch.uint8)
    translated = paint(labels)
    translated[..., -1] = 1.0
    metric.update(translated, translated, labels)
    assert set(metric.compute().values()) == {1.0}


def test_target_images_that_are_no_label_maps_give_no_score(metric, paint):
    labels = torch.zeros(1, 4, 4, dtype=torch.uint8)
    metric.reference(torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0)))
    with pytest.raises(Unavailable, match=r"the target images are not label maps: only \d\.\d % of their pixels"):
        metric.update(paint(labels), paint(labels), labels)


def test_target_images_that_are_label_maps_in_the_main_are_enough(metric, paint):
    labels = torch.zeros(1, 4, 4, dtype=torch.uint8)
    maps = paint(labels.repeat(2, 1, 1))
    maps[..., :2] = torch.where(torch.arange(4)[:, None] < 2, 0.9, maps[..., :2])  # borders and void colours
    metric.reference(maps)
    metric.update(paint(labels), paint(labels), labels)
    assert metric.compute()["label_pixel_accuracy"] == 1


def test_classes_of_one_colour_are_refused(context):
    classes = ClassSet(("road", "rail", "sky"), ((9, 9, 9), (9, 9, 9), (0, 0, 0)))
    with pytest.raises(Unavailable, match="classes road and rail have one colour"):
        LabelColours(PluginOptions()).start(classes, context)


def test_without_labels_or_labelled_pixels_there_is_a_reason(metric, paint):
    images = paint(torch.zeros(1, 4, 4))
    with pytest.raises(Unavailable, match="labels of the source images"):
        metric.update(images, images, None)
    with pytest.raises(Unavailable, match="every label is 'ignore'"):
        metric.compute()
