"""A training of CycleGAN: its steps, rates, logs and pictures, and that it learns."""

import json

import pytest
import torch

from bench_cyclegan.options import CycleGANOptions
from bench_cyclegan.translator import CycleGAN
from benchmark.api.stage_context import StageContext


@pytest.fixture
def fit(tmp_path, tiny, domains):
    """Train a tiny CycleGAN in a folder."""

    def make(name="run", **changes):
        folder = tmp_path / name
        folder.mkdir()
        translator = CycleGAN(tiny(**changes))
        translator.fit(*domains, StageContext(folder=folder))
        return translator

    return make


def weights(translator):
    return translator.generators.state_dict()


def equal(first, second):
    return all(torch.equal(value, weights(second)[name]) for name, value in weights(first).items())


def logged(folder):
    return [json.loads(line) for line in (folder / "scalars.jsonl").read_text().splitlines()]


def test_the_way_back_is_another_network(fit):
    translator, images = fit(), torch.rand(2, 3, 9, 14)
    assert not torch.equal(translator.translate(images), translator.inverse(images))


def test_a_step_counts_its_source_images(fit, tmp_path):
    context = fit("batches", batch_size=3, images_seen=7)
    assert context.options.steps == 3
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


def test_it_learns_to_swap_two_colours(tmp_path, red_and_blue_squares):
    """Red squares on grey become blue squares on grey, where they were."""
    source, target = red_and_blue_squares
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
    translator.fit(source, target, StageContext(folder=tmp_path, seed=0))
    images = source.image_batch(range(24))
    red, green, blue = translator.translate(images).unbind(1)
    square = images[:, 0] > 0.8
    assert float((blue - red)[square].mean()) > 0.4
    assert float((blue - red)[~square].abs().mean()) < 0.2
    assert float((green - images[:, 1]).abs().mean()) < 0.2
