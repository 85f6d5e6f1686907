"""CycleGAN through the door of the harness: any size, exact resume, same seed same weights, and it learns."""

import json

import numpy as np
import pytest
import torch

from bench_cyclegan.options import CycleGANOptions
from bench_cyclegan.translator import CycleGAN
from benchmark import ClassSet, Invertible, UsageError
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
    """Train a tiny CycleGAN in a folder."""

    def make(name="run", seed=0, on_progress=None, precision="fp32", **changes):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        translator = CycleGAN(tiny(**changes))
        translator.fit(*domains, Run(folder=folder, seed=seed, on_progress=on_progress, precision=precision))
        return translator

    return make


def weights(translator):
    return translator.generators.state_dict()


def equal(first, second):
    return all(torch.equal(value, weights(second)[name]) for name, value in weights(first).items())


def logged(folder):
    return [json.loads(line) for line in (folder / "scalars.jsonl").read_text().splitlines()]


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(fit):
    first = fit("first")
    assert equal(first, fit("second"))
    assert not equal(first, fit("third", seed=1))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_an_interrupted_training_ends_with_the_very_weights_of_an_uninterrupted_one(fit, monkeypatch, precision):
    monkeypatch.setattr("bench_engine.hooks.PROGRESS_SECONDS", 0.0)
    whole = fit("whole", precision=precision, images_seen=14)
    with pytest.raises(Interrupted):
        fit("broken", precision=precision, images_seen=14, on_progress=interrupt_at(10))
    resumed = fit("broken", precision=precision, images_seen=14)
    assert equal(whole, resumed)


def test_a_resumed_training_needs_the_image_pool(fit, monkeypatch):
    monkeypatch.setattr("bench_engine.hooks.PROGRESS_SECONDS", 0.0)
    whole = fit("whole", images_seen=14)
    with pytest.raises(Interrupted):
        fit("broken", images_seen=14, on_progress=interrupt_at(10))
    monkeypatch.setattr("bench_cyclegan.model.CycleGANModel.load_training_state", lambda self, state: None)
    assert not equal(whole, fit("broken", images_seen=14))


def test_a_loaded_translator_translates_both_ways_as_the_saved_one(fit, tiny, tmp_path):
    saved, loaded = fit(), CycleGAN(tiny())
    (tmp_path / "saved").mkdir()
    saved.save(tmp_path / "saved")
    loaded.load(tmp_path / "saved")
    images = torch.rand(2, 3, 9, 14)
    assert torch.equal(saved.translate(images), loaded.translate(images))
    assert torch.equal(saved.inverse(images), loaded.inverse(images))
    assert not torch.equal(saved.translate(images), saved.inverse(images))
    assert isinstance(loaded, Invertible)


@pytest.mark.parametrize("size", [(12, 16), (13, 17), (31, 6), (1, 1)])
@pytest.mark.parametrize("downsamplings", [1, 2])
def test_images_of_any_size_are_translated(tiny, size, downsamplings):
    translator = CycleGAN(tiny(downsamplings=downsamplings))
    for count in (1, 3):
        result = translator.translate(torch.rand(count, 3, *size))
        assert result.shape == (count, 3, *size)
        assert result.dtype is torch.float32
        assert result.min() >= 0
        assert result.max() <= 1


def test_training_at_a_size_that_is_no_multiple_of_4_works(fit):
    translator = fit(downsamplings=2, crop=(11, 15), images_seen=3)
    assert torch.isfinite(translator.translate(torch.rand(1, 3, 11, 15))).all()


def test_a_step_counts_its_source_images(fit, tmp_path):
    run = fit("batches", batch_size=3, images_seen=7)
    assert run.options.steps == 3
    assert [line["step"] for line in logged(tmp_path / "batches")] == [1, 2, 3]


@pytest.mark.parametrize(
    ("schedule", "factors"), [("linear", [1, 1, 1, 0.75, 0.25]), ("cosine", [1, 1, 1, 0.853553, 0.146447])]
)
def test_learning_rates_follow_the_schedule_to_the_last_step(fit, tmp_path, schedule, factors):
    fit(schedule=schedule, images_seen=8, lr=1e-3, lr_discriminator=2e-3)
    rates = {line["step"]: line for line in logged(tmp_path / "run")}
    steps = [1, 3, 5, 6, 8]
    for kind, base in (("generators", 1e-3), ("discriminators", 2e-3)):
        assert [rates[step][f"{kind}.lr"] / base for step in steps] == pytest.approx(factors, rel=1e-5)


def test_losses_accuracies_and_gradient_norms_are_logged(fit, tmp_path):
    fit(lambda_identity=1.0)
    terms = ("adversarial", "cycle", "identity", "discriminator", "accuracy")
    expected = {f"{term}_{side}" for term in terms for side in ("target", "source")}
    expected |= {"gradient_norm_generators", "gradient_norm_discriminators"}
    assert expected <= set(logged(tmp_path / "run")[0])
    assert logged(tmp_path / "run")[0]["gradient_norm_generators"] > 0
    assert 0 <= logged(tmp_path / "run")[0]["accuracy_target"] <= 1


def test_sample_pictures_show_three_rows_for_each_domain(fit, tmp_path):
    fit(sample_every=4, probes=2, images_seen=8)
    from PIL import Image

    pictures = sorted((tmp_path / "run" / "pictures").glob("*.png"))
    assert len(pictures) == 2
    assert Image.open(pictures[0]).size == (2 * 16 + 2, 6 * 12 + 5 * 2)


def test_drawing_samples_changes_no_weight(fit):
    assert equal(fit("with", sample_every=2), fit("without", sample_every=0))


def test_images_too_small_for_the_discriminator_are_refused(fit):
    with pytest.raises(UsageError, match="need images of at least 24 x 24 pixels, but these are 12 x 16"):
        fit(discriminator_layers=3)


def test_a_crop_larger_than_the_images_is_refused(fit):
    with pytest.raises(UsageError, match="12 x 16 pixels, but it is 20 x 20"):
        fit(crop=(20, 20))


def test_the_papers_sizes_are_the_defaults():
    options = CycleGANOptions()
    assert (options.filters, options.blocks, options.discriminator_filters, options.discriminator_layers) == (
        64,
        9,
        64,
        3,
    )
    assert (options.lambda_cycle, options.lambda_identity, options.lambda_discriminator) == (10, 0, 0.5)
    assert (options.lr, options.betas, options.batch_size, options.pool) == (2e-4, (0.5, 0.999), 1, 50)


def test_it_learns_to_swap_two_colours(tmp_path):
    """Red squares on grey become blue squares on grey, where they were."""
    generator = np.random.default_rng(0)

    def squares(channel):
        pixels = np.full((1, 24, 16, 16, 3), 110, dtype=np.uint8)
        for image, (top, left) in zip(pixels[0], generator.integers(0, 10, (24, 2)), strict=True):
            image[top : top + 6, left : left + 6] = 20
            image[top : top + 6, left : left + 6, channel] = 230
        return ImageSet(pixels, None, [str(i) for i in range(24)], ClassSet(("road",), ((0, 0, 0),)))

    source, target = squares(0), squares(2)
    options = CycleGANOptions(
        filters=8,
        blocks=1,
        downsamplings=0,
        discriminator_filters=16,
        discriminator_layers=1,
        images_seen=480,
        batch_size=4,
        lr=4e-3,
        checkpoint_every=1000,
    )
    translator = CycleGAN(options)
    translator.fit(source, target, Run(folder=tmp_path, seed=0))
    images = source.image_batch(range(24))
    red, green, blue = translator.translate(images).unbind(1)
    square = images[:, 0] > 0.8
    assert float((blue - red)[square].mean()) > 0.4
    assert float((blue - red)[~square].abs().mean()) < 0.2
    assert float((green - images[:, 1]).abs().mean()) < 0.2
