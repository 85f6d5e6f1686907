"""CUT and FastCUT through the door of the harness: what is logged, what is kept, and that they learn."""

import json

import numpy as np
import pytest
import torch

from bench_cut.options import CUTOptions, FastCUTOptions
from bench_cut.translator import CUT, FastCUT
from benchmark import ClassSet, Invertible
from benchmark.api.imageset import ImageSet
from benchmark.api.stage_context import StageContext

SMALL = {
    "filters": 8,
    "blocks": 1,
    "contrast_blocks": (1,),
    "downsamplings": 1,
    "head_width": 32,
    "patches": 64,
    "discriminator_filters": 16,
    "discriminator_layers": 1,
    "images_seen": 1440,
    "batch_size": 4,
    "lr": 4e-3,
    "checkpoint_every": 2000,
}
"""A training of seconds; the contrast, which such a network satisfies with ease, weighs less than by default."""


def squares(channel, count=24):
    """Squares of one colour on grey, anywhere."""
    generator = np.random.default_rng(channel)
    pixels = np.full((1, count, 16, 16, 3), 110, dtype=np.uint8)
    for image, (top, left) in zip(pixels[0], generator.integers(0, 10, (count, 2)), strict=True):
        image[top : top + 6, left : left + 6] = 20
        image[top : top + 6, left : left + 6, channel] = 230
    return ImageSet(pixels, None, [str(i) for i in range(count)], ClassSet(("road",), ((0, 0, 0),)))


@pytest.mark.parametrize(("plugin", "options"), [(CUT, CUTOptions), (FastCUT, FastCUTOptions)])
def test_losses_are_logged_and_parameters_reported(tmp_path, tiny, plugin, options):
    translator = plugin(tiny(fast=plugin is FastCUT, downsamplings=1))
    context = StageContext(folder=tmp_path, seed=0)
    translator.fit(squares(0), squares(2), context)
    logged = json.loads((tmp_path / "scalars.jsonl").read_text().splitlines()[0])
    names = {"adversarial_target", "nce_source", "discriminator_target", "accuracy_target"}
    assert names <= set(logged)
    assert ("nce_target" in logged) == (plugin is CUT)
    assert context.facts["generator_parameters"] > 0
    assert context.facts["discriminator_parameters"] > 0


def test_heads_are_kept_with_the_generator(tmp_path, tiny):
    saved, loaded = CUT(tiny()), CUT(tiny())
    saved.save(tmp_path)
    loaded.load(tmp_path)
    for one, other in zip(saved.generators.parameters(), loaded.generators.parameters(), strict=True):
        assert torch.equal(one, other)
    assert len(loaded.generators["heads"].layers) == 5


def test_there_is_no_way_back(tiny):
    assert not isinstance(CUT(tiny()), Invertible)


def test_sample_pictures_show_source_translation_and_target(tmp_path, tiny):
    from PIL import Image

    CUT(tiny(sample_every=4, probes=2)).fit(squares(0), squares(2), StageContext(folder=tmp_path, seed=0))
    picture = sorted((tmp_path / "pictures").glob("*.png"))[0]
    assert Image.open(picture).size == (2 * 16 + 2, 3 * 16 + 2 * 2)


@pytest.mark.parametrize(
    ("plugin", "options"),
    [
        (CUT, CUTOptions(**SMALL, lambda_nce=0.5, lambda_nce_identity=0.5)),
        (FastCUT, FastCUTOptions(**SMALL, lambda_nce=0.5)),
    ],
)
def test_it_learns_to_swap_two_colours(tmp_path, plugin, options):
    """Red squares on grey become blue squares on grey, where they were."""
    source, target = squares(0), squares(2)
    translator = plugin(options)
    translator.fit(source, target, StageContext(folder=tmp_path, seed=0))
    images = source.image_batch(range(24))
    red, green, blue = translator.translate(images).unbind(1)
    square = images[:, 0] > 0.8
    assert float((blue - red)[square].mean()) > 0.4
    assert float((blue - red)[~square].abs().mean()) < 0.2
    assert float((green - images[:, 1]).abs().mean()) < 0.2
