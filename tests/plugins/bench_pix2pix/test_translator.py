"""pix2pix through the door of the harness: it needs pairs, shows what it does, and learns from them."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from bench_pix2pix.options import Pix2PixOptions
from bench_pix2pix.translator import Pix2Pix
from benchmark import ClassSet
from benchmark.api.imageset import ImageSet
from benchmark.api.stage_context import StageContext
from benchmark.registry.registry import load_registry


@pytest.fixture
def fit(tmp_path, tiny, pairs):
    """Train a tiny pix2pix in a folder."""

    def make(name="run", **changes):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        translator = Pix2Pix(tiny(**changes))
        translator.fit(*pairs, StageContext(folder=folder, seed=0))
        return translator

    return make


def equal(first, second):
    other = second.generators.state_dict()
    return all(torch.equal(value, other[name]) for name, value in first.generators.state_dict().items())


def logged(folder):
    return [json.loads(line) for line in (folder / "scalars.jsonl").read_text().splitlines()]


def test_it_is_registered_for_paired_scenarios_alone(tmp_path):
    assert tuple(load_registry(tmp_path).find("translator", "pix2pix").needs) == ("paired",)


def test_both_images_of_a_pair_come_under_one_window_and_mirroring(tmp_path, tiny, pairs):
    batches = Pix2Pix(tiny(crop=(7, 9), batch_size=4)).batches(*pairs, StageContext(folder=tmp_path, seed=0))
    for step in range(4):
        batch = batches(step)
        assert batch["source"].shape == (4, 3, 7, 9)
        # The target of these pairs is the negative of the source.
        torch.testing.assert_close(batch["target"], -batch["source"])


def test_dropout_takes_part_in_a_training(fit):
    assert not equal(fit("with", downsamplings=5), fit("without", downsamplings=5, dropout=0))


def test_drawing_samples_changes_no_weight(fit):
    assert equal(fit("with", sample_every=2, downsamplings=5), fit("without", sample_every=0, downsamplings=5))


def test_both_losses_of_the_paper_are_logged(fit, tmp_path):
    fit()
    terms = {"adversarial_target", "l1", "discriminator_target", "accuracy_target"}
    assert terms <= set(logged(tmp_path / "run")[0])


def test_sample_pictures_show_source_translation_and_truth(fit, tmp_path):
    fit(sample_every=8, probes=2, flip=False)
    (picture,) = (tmp_path / "run" / "pictures").glob("*.png")
    pixels = np.asarray(Image.open(picture)).astype(int)
    assert pixels.shape == (3 * 12 + 2 * 2, 2 * 16 + 2, 3)
    source, truth = pixels[:12, :16], pixels[28:, :16]
    assert np.abs(source + truth - 255).max() <= 1


def test_it_learns_a_change_that_only_pairs_tell(tmp_path):
    """Squares move to the right, which no statistics of the two domains show."""
    generator = np.random.default_rng(0)
    corners = generator.integers(0, 9, (40, 2))

    def squares(shift):
        pixels = np.full((1, 40, 16, 16, 3), 60, dtype=np.uint8)
        for image, (top, left) in zip(pixels[0], corners, strict=True):
            image[top : top + 5, left + shift : left + shift + 5] = 220
        return ImageSet(pixels, None, [str(i) for i in range(40)], ClassSet(("road",), ((0, 0, 0),)))

    source, target = squares(0), squares(3)
    options = Pix2PixOptions(
        filters=8,
        downsamplings=3,
        discriminator_filters=8,
        discriminator_layers=1,
        images_seen=1600,
        batch_size=8,
        lr=4e-3,
        flip=False,
        checkpoint_every=1000,
    )
    translator = Pix2Pix(options)
    translator.fit(source, target, StageContext(folder=tmp_path, seed=0))
    everything = range(40)
    truth = target.image_batch(everything)
    untouched = (source.image_batch(everything) - truth).abs().mean()
    error = (translator.translate(source.image_batch(everything)) - truth).abs().mean()
    assert float(error) < 0.4 * float(untouched)
