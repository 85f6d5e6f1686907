"""U-GAT-IT through the door of the harness: its full form, what it logs and shows, and it learns."""

import json

import numpy as np
import pytest
import torch

from bench_ugatit.options import UGATITOptions
from bench_ugatit.translator import UGATIT
from benchmark import UsageError
from benchmark.api.stage_context import StageContext


@pytest.fixture
def fit(tmp_path, tiny, domains):
    """Train a tiny U-GAT-IT in a folder."""

    def make(name="run", **changes):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        translator = UGATIT(tiny(**changes))
        translator.fit(*domains, StageContext(folder=folder, seed=0))
        return translator

    return make


def weights(translator):
    return translator.generators.state_dict()


def equal(first, second):
    return all(torch.equal(value, weights(second)[name]) for name, value in weights(first).items())


def logged(folder):
    return [json.loads(line) for line in (folder / "scalars.jsonl").read_text().splitlines()]


FULL = {"size": "full", "crop": (12, 16)}


def test_the_full_form_gives_the_same_weights_from_the_same_seed(fit):
    assert equal(fit("first", **FULL), fit("second", **FULL))


def test_a_loaded_full_form_does_as_the_saved_one(fit, tiny, tmp_path):
    saved, loaded = fit(**FULL), UGATIT(tiny(**FULL))
    (tmp_path / "saved").mkdir()
    saved.save(tmp_path / "saved")
    loaded.load(tmp_path / "saved")
    images = torch.rand(2, 3, 12, 16)
    for ability in ("translate", "inverse", "attention_maps"):
        assert torch.equal(getattr(saved, ability)(images), getattr(loaded, ability)(images))


def test_the_full_form_refuses_images_of_another_size_before_it_trains(fit, tmp_path):
    with pytest.raises(UsageError, match="expected images of 8 x 16 pixels, the size of crop, but these are 12 x 16"):
        fit(size="full", crop=(8, 16))
    assert not (tmp_path / "run" / "scalars.jsonl").exists()


@pytest.mark.parametrize("ability", ["translate", "inverse", "attention_maps"])
def test_the_full_form_refuses_to_translate_another_size(tiny, ability):
    translator = UGATIT(tiny(**FULL))
    with pytest.raises(UsageError, match='take size = "light"'):
        getattr(translator, ability)(torch.rand(1, 3, 16, 16))


def test_losses_of_both_scales_are_logged(fit, tmp_path):
    fit()
    scales = ("target", "target_local", "source", "source_local")
    expected = {f"{term}_{name}" for term in ("adversarial", "discriminator", "accuracy") for name in scales}
    expected |= {f"{term}_{side}" for term in ("cycle", "identity", "cam") for side in ("target", "source")}
    assert expected <= set(logged(tmp_path / "run")[0])


def test_sample_pictures_have_a_row_of_attention(fit, tmp_path):
    fit(sample_every=8, probes=2)
    from PIL import Image

    (picture,) = (tmp_path / "run" / "pictures").glob("*.png")
    assert Image.open(picture).size == (2 * 16 + 2, 7 * 12 + 6 * 2)
    pixels = np.asarray(Image.open(picture))[14:26, :16]
    assert (pixels == pixels[..., :1]).all()
    assert (pixels.min(), pixels.max()) == (0, 255)


@pytest.fixture(scope="module")
def learned(tmp_path_factory, red_and_blue_squares):
    """Red squares on grey are to become blue squares on grey, where they are."""
    source, target = red_and_blue_squares
    options = UGATITOptions(
        filters=8,
        blocks=1,
        discriminator_filters=8,
        global_layers=4,
        local_layers=3,
        images_seen=480,
        batch_size=4,
        lr=4e-3,
        lambda_identity=5.0,
        checkpoint_every=1000,
        sample_every=0,
        tensorboard=False,
    )
    translator = UGATIT(options)
    translator.fit(source, target, StageContext(folder=tmp_path_factory.mktemp("learned"), seed=0))
    return translator, source.image_batch(range(24)), target.image_batch(range(24))


def test_it_learns_to_swap_two_colours(learned):
    translator, images, _ = learned
    red, _, blue = translator.translate(images).unbind(1)
    square = images[:, 0] > 0.8
    assert float((blue - red)[square].mean()) > 0.4
    assert float((blue - red)[~square].abs().mean()) < 0.2


def test_its_classifier_learns_to_tell_the_domains_apart(learned):
    translator, *domains = learned
    network = translator.generators["target"].eval()
    with torch.no_grad():
        from_source, from_target = (network.attend(images * 2 - 1)[1] for images in domains)
    assert (from_source > 0).all()
    assert (from_target < 0).all()
