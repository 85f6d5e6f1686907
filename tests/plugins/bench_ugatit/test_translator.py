"""U-GAT-IT through the door of the harness: any size, exact resume, where it looks, and it learns."""

import json

import numpy as np
import pytest
import torch

from bench_ugatit.options import UGATITOptions
from bench_ugatit.translator import UGATIT
from benchmark import Attentive, ClassSet, Invertible, UsageError
from benchmark.contracts.run import Run
from benchmark.imageset import ImageSet


class Interrupted(Exception):
    """Stands for a kill in the middle of a training."""


def interrupt_at(images):
    def stop(progress):
        if progress["done"] >= images:
            raise Interrupted

    return stop


@pytest.fixture
def fit(tmp_path, tiny, domains):
    """Train a tiny U-GAT-IT in a folder."""

    def make(name="run", seed=0, on_progress=None, precision="fp32", **changes):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        translator = UGATIT(tiny(**changes))
        translator.fit(*domains, Run(folder=folder, seed=seed, on_progress=on_progress, precision=precision))
        return translator

    return make


def weights(translator):
    return translator.generators.state_dict()


def equal(first, second):
    return all(torch.equal(value, weights(second)[name]) for name, value in weights(first).items())


def logged(folder):
    return [json.loads(line) for line in (folder / "scalars.jsonl").read_text().splitlines()]


FULL = {"size": "full", "crop": (12, 16)}


@pytest.mark.parametrize("form", [{}, FULL], ids=["light", "full"])
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(fit, form):
    first = fit("first", **form)
    assert equal(first, fit("second", **form))
    assert not equal(first, fit("third", seed=1, **form))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_an_interrupted_training_ends_with_the_very_weights_of_an_uninterrupted_one(fit, monkeypatch, precision):
    monkeypatch.setattr("bench_engine.hooks.PROGRESS_SECONDS", 0.0)
    whole = fit("whole", precision=precision, images_seen=14, pool=3)
    with pytest.raises(Interrupted):
        fit("broken", precision=precision, images_seen=14, pool=3, on_progress=interrupt_at(10))
    assert equal(whole, fit("broken", precision=precision, images_seen=14, pool=3))


@pytest.mark.parametrize(("form", "size"), [({}, (9, 14)), (FULL, (12, 16))], ids=["light", "full"])
def test_a_loaded_translator_does_as_the_saved_one(fit, tiny, tmp_path, form, size):
    saved, loaded = fit(**form), UGATIT(tiny(**form))
    (tmp_path / "saved").mkdir()
    saved.save(tmp_path / "saved")
    loaded.load(tmp_path / "saved")
    images = torch.rand(2, 3, *size)
    for ability in ("translate", "inverse", "attention_maps"):
        assert torch.equal(getattr(saved, ability)(images), getattr(loaded, ability)(images))
    assert not torch.equal(saved.translate(images), saved.inverse(images))
    assert isinstance(loaded, Invertible)
    assert isinstance(loaded, Attentive)


@pytest.mark.parametrize("size", [(12, 16), (13, 17), (31, 6), (1, 1)])
def test_images_of_any_size_are_translated_and_looked_at(fit, size):
    translator = fit(images_seen=2)
    for count in (1, 3):
        images = torch.rand(count, 3, *size)
        for result, channels in ((translator.translate(images), 3), (translator.attention_maps(images), 1)):
            assert result.shape == (count, channels, *size)
            assert result.dtype is torch.float32
            assert result.min() >= 0
            assert result.max() <= 1
            assert not result.requires_grad


def test_the_full_form_refuses_images_of_another_size_before_it_trains(fit, tmp_path):
    with pytest.raises(UsageError, match="expected images of 8 x 16 pixels, the size of crop, but these are 12 x 16"):
        fit(size="full", crop=(8, 16))
    assert not (tmp_path / "run" / "scalars.jsonl").exists()


@pytest.mark.parametrize("ability", ["translate", "inverse", "attention_maps"])
def test_the_full_form_refuses_to_translate_another_size(tiny, ability):
    translator = UGATIT(tiny(**FULL))
    with pytest.raises(UsageError, match='take size = "light"'):
        getattr(translator, ability)(torch.rand(1, 3, 16, 16))


def test_images_too_small_for_the_global_discriminators_are_refused(fit):
    with pytest.raises(UsageError, match="need images of at least 24 x 24 pixels, but these are 12 x 16"):
        fit(global_layers=5)


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
def learned(tmp_path_factory):
    """Red squares on grey are to become blue squares on grey, where they are."""
    generator = np.random.default_rng(0)

    def squares(channel):
        pixels = np.full((1, 24, 16, 16, 3), 110, dtype=np.uint8)
        for image, (top, left) in zip(pixels[0], generator.integers(0, 10, (24, 2)), strict=True):
            image[top : top + 6, left : left + 6] = 20
            image[top : top + 6, left : left + 6, channel] = 230
        return ImageSet(pixels, None, [str(i) for i in range(24)], ClassSet(("road",), ((0, 0, 0),)))

    source, target = squares(0), squares(2)
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
    translator.fit(source, target, Run(folder=tmp_path_factory.mktemp("learned"), seed=0))
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
