"""Latents: of a step in training, of an image and a variant afterwards."""

import numpy as np
import torch

from bench_augmented_cyclegan.latents import LatentBatches, latents_of
from benchmark import ClassSet
from benchmark.api.imageset import ImageSet
from benchmark.api.stage_context import StageContext


def images(count, height=6, width=8):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0))


def test_an_image_has_the_same_latent_alone_and_in_a_batch():
    batch = images(5)
    together = latents_of(batch, 2, 16)
    assert torch.equal(torch.cat([latents_of(image[None], 2, 16) for image in batch]), together)
    assert torch.equal(latents_of(batch.contiguous(memory_format=torch.channels_last), 2, 16), together)


def test_latents_differ_between_images_and_between_variants():
    batch = images(4)
    drawn = torch.cat([latents_of(batch, variant, 16) for variant in range(4)])
    assert len(drawn.unique(dim=0)) == 16


def test_the_latent_depends_on_the_8_bit_image_alone():
    batch = (images(2) * 255).round() / 255
    assert torch.equal(latents_of(batch, 0, 16), latents_of(batch + 1e-4, 0, 16))
    assert not torch.equal(latents_of(batch, 0, 16), latents_of((batch + 2 / 255).clamp(0, 1), 0, 16))


def test_latents_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    latents_of(images(2), 0, 16)
    assert torch.equal(torch.get_rng_state(), before)


def test_latents_are_standard_normal():
    drawn = torch.cat([latents_of(images(200, 2, 2), variant, 16) for variant in range(4)])
    assert abs(float(drawn.mean())) < 0.05
    assert abs(float(drawn.std()) - 1) < 0.05
    correlation = torch.corrcoef(drawn.T) - torch.eye(16)
    assert float(correlation.abs().max()) < 0.15


def batches(folder, seed=0):
    pixels = np.random.default_rng(0).integers(0, 255, (1, 5, 8, 10, 3), dtype=np.uint8)
    domain = ImageSet(pixels, None, [str(i) for i in range(5)], ClassSet(("road",), ((0, 0, 0),)))
    return LatentBatches(domain, domain, StageContext(folder=folder, seed=seed), batch_size=3, latent_size=4)


def test_a_step_draws_its_latents_from_seed_and_step_alone(tmp_path):
    first = batches(tmp_path)(7)["latent"]
    assert first.shape == (3, 4)
    assert torch.equal(first, batches(tmp_path)(7)["latent"])
    assert not torch.equal(first, batches(tmp_path)(8)["latent"])
    assert not torch.equal(first, batches(tmp_path, seed=1)(7)["latent"])


def test_a_step_has_the_images_of_unpaired_batches(tmp_path):
    batch = batches(tmp_path)(0)
    assert set(batch) == {"source", "target", "latent"}
    assert batch["source"].shape == batch["target"].shape == (3, 3, 8, 10)
    assert not torch.equal(batch["source"], batch["target"])
