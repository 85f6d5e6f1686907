"""Unpaired batches depend on seed and step alone."""

import numpy as np
import pytest
import torch

from bench_gan.batches import PairedBatches, UnpairedBatches
from benchmark import ClassSet
from benchmark.api.imageset import ImageSet
from benchmark.api.stage_context import StageContext

CLASSES = ClassSet(("road",), ((0, 0, 0),))


def numbered(count):
    """Images that hold their own number, brighter from left to right."""
    pixels = np.zeros((1, count, 6, 8, 3), dtype=np.uint8)
    pixels[..., 0] = np.arange(count).reshape(1, count, 1, 1)
    pixels[..., 1] = np.arange(8) * 10
    return ImageSet(pixels, None, [str(i) for i in range(count)], CLASSES)


def numbers(batch):
    return ((batch[:, 0, 0, 0] + 1) / 2 * 255).round().int().tolist()


@pytest.fixture
def context(tmp_path):
    return StageContext(folder=tmp_path, seed=3)


def test_each_domain_is_seen_whole_once_an_epoch_in_an_order_of_its_own(context):
    batches = UnpairedBatches(numbered(12), numbered(12), context, batch_size=3)
    source = [n for step in range(4) for n in numbers(batches(step)["source"])]
    target = [n for step in range(4) for n in numbers(batches(step)["target"])]
    assert sorted(source) == sorted(target) == list(range(12))
    assert source != target


def test_a_step_is_the_same_whenever_it_is_drawn(context):
    first = UnpairedBatches(numbered(9), numbered(5), context, batch_size=2, window=(4, 4))
    second = UnpairedBatches(numbered(9), numbered(5), context, batch_size=2, window=(4, 4))
    [first(step) for step in range(7)]
    for side in ("source", "target"):
        assert torch.equal(first(7)[side], second(7)[side])


def test_images_come_in_the_range_and_layout_of_the_networks(context):
    batch = UnpairedBatches(numbered(4), numbered(4), context, batch_size=2)(0)["source"]
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert batch.min() == -1
    assert batch.dtype is torch.float32


def test_windows_have_the_size_asked_for_and_differ_in_place(context):
    batches = UnpairedBatches(numbered(4), numbered(4), context, batch_size=4, window=(5, 3), mirror=False)
    drawn = [batches(step)["source"] for step in range(4)]
    assert all(batch.shape == (4, 3, 5, 3) for batch in drawn)
    assert len({float(value) for batch in drawn for value in batch[:, 1, 0, 0]}) > 3


def test_enlarged_images_are_cut_to_their_former_size_at_any_place(context):
    batches = UnpairedBatches(numbered(4), numbered(4), context, batch_size=4, mirror=False, enlarge=2.0)
    drawn = [batches(step)["source"] for step in range(6)]
    assert all(batch.shape == (4, 3, 6, 8) for batch in drawn)
    slopes = torch.cat(drawn)[:, 1, :, 2:-2].diff(dim=-1)  # inside; 10 of 255 a pixel before they were enlarged
    assert float(slopes.mean()) == pytest.approx(5 * 2 / 255, rel=0.05)
    assert len({float(value) for batch in drawn for value in batch[:, 1, 0, 0]}) > 4


def test_enlarged_images_are_cut_to_the_window(context):
    batches = UnpairedBatches(numbered(4), numbered(4), context, batch_size=2, window=(5, 3), enlarge=1.5)
    assert batches(0)["target"].shape == (2, 3, 5, 3)


def test_labels_are_enlarged_and_cut_as_their_images_are(context):
    source = numbered(5)
    labels = np.broadcast_to(np.arange(8, dtype=np.uint8), (5, 6, 8))
    source = ImageSet(source.images, labels.copy(), source.ids, CLASSES)
    batch = UnpairedBatches(source, numbered(5), context, batch_size=5, enlarge=3.0)(0)
    shades = ((batch["source"][:, 1] + 1) / 2 * 255 / 10).round()
    assert float((shades - batch["labels"]).abs().max()) <= 1


def test_a_step_with_enlarged_images_is_the_same_whenever_it_is_drawn(context):
    first, second = (UnpairedBatches(numbered(9), numbered(5), context, batch_size=2, enlarge=1.2) for _ in range(2))
    [first(step) for step in range(7)]
    assert torch.equal(first(7)["source"], second(7)["source"])


def test_no_shuffle_window_or_flip_shares_its_seed_with_another(tmp_path, seeds):
    batches = UnpairedBatches(numbered(4), numbered(4), StageContext(tmp_path, seed=159), batch_size=1, window=(4, 4))
    for step in range(24):
        batches(step)
    shuffles, steps = 2 * 6, 2 * 24
    assert len(seeds) == len(set(seeds)) == shuffles + steps


def test_both_images_of_a_pair_share_shuffle_window_and_flip_alone(tmp_path, seeds):
    batches = PairedBatches(numbered(4), numbered(4), StageContext(tmp_path, seed=265), batch_size=1, window=(4, 4))
    for step in range(24):
        batch = batches(step)
        assert torch.equal(batch["source"], batch["target"])
    shuffles, steps = 6, 24
    assert len(set(seeds)) == shuffles + steps


def test_mirroring_can_be_switched_off(context):
    batch = UnpairedBatches(numbered(20), numbered(20), context, batch_size=20, mirror=False)(0)["source"]
    assert (batch[:, 1].diff(dim=-1) > 0).all()
    batch = UnpairedBatches(numbered(20), numbered(20), context, batch_size=20)(0)["source"]
    rising = (batch[:, 1].diff(dim=-1) > 0).all(dim=-1).all(dim=-1)
    assert 3 < int(rising.sum()) < 17
