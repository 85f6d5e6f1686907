"""The engine is shown to converge: a fully connected GAN and a DCGAN learn to make Gaussian surfaces.

A surface is a bump of random place and width on a small grid, so that what a generator has learnt can be measured:
how far its images are from the nearest bump, and how places and widths are spread.
"""

from typing import NamedTuple

import pytest
import torch
from torch import nn

from bench_engine.schedules import linear
from bench_engine.training import train
from bench_gan.model import AdversarialModel, RealFakePair
from bench_gan.options import AdversarialOptions
from bench_gan.translator import optimizers
from benchmark import StageContext

SIDE, LATENT = 8, 4
AXIS = torch.linspace(-1, 1, SIDE)


def surfaces(count, generator):
    """Bumps exp(-|x - centre|^2 / 2 width^2), scaled to [-1, 1], shape (count, 1, SIDE, SIDE)."""
    centres = torch.rand(count, 2, generator=generator) - 0.5
    widths = 0.3 + 0.2 * torch.rand(count, generator=generator)
    return bumps(centres, widths)


def bumps(centres, widths):
    rows = (AXIS - centres[:, :1]).square()
    columns = (AXIS - centres[:, 1:]).square()
    squares = rows[:, :, None] + columns[:, None, :]
    return (2 * torch.exp(-squares / (2 * widths.square()[:, None, None])) - 1).unsqueeze(1)


class Fit(NamedTuple):
    """The bump that is nearest to an image, and how far it is (root mean square)."""

    centres: torch.Tensor
    widths: torch.Tensor
    distance: torch.Tensor


def nearest_bumps(images):
    """By search over a grid of places and widths."""
    places, spans = torch.linspace(-0.8, 0.8, 17), torch.linspace(0.2, 0.6, 9)
    grid = torch.cartesian_prod(places, places, spans)
    known = bumps(grid[:, :2], grid[:, 2]).flatten(1)
    distances = torch.cdist(images.flatten(1), known)
    nearest = distances.min(1)
    return Fit(grid[nearest.indices, :2], grid[nearest.indices, 2], nearest.values / SIDE)


class SurfaceGAN(AdversarialModel):
    """The game of Goodfellow et al. 2014: noise in, surfaces out."""

    def generate(self, data):
        return {"fake": self.generators["target"](data["source"])}

    def generator_losses(self, data, generated):
        return {"adversarial": self.adversarial("target", generated["fake"])}

    def discriminator_inputs(self, data, generated):
        return {"target": RealFakePair(data["target"], generated["fake"], pooled=False)}


def fully_connected():
    """Goodfellow et al. 2014, arXiv:1406.2661, in small."""
    generator = nn.Sequential(
        nn.Linear(LATENT, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, SIDE**2), nn.Tanh(),
        nn.Unflatten(1, (1, SIDE, SIDE)),
    )  # fmt: skip
    discriminator = nn.Sequential(
        nn.Flatten(), nn.Linear(SIDE**2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1)
    )
    return generator, discriminator


def convolutional():
    """Radford et al. 2016, arXiv:1511.06434, in small, and without batch norm, which would mix real and generated."""
    generator = nn.Sequential(
        nn.Linear(LATENT, 128), nn.ReLU(), nn.Unflatten(1, (32, 2, 2)),
        nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(16, 1, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip
    discriminator = nn.Sequential(
        nn.Conv2d(1, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 32, 4, 2, 1), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(128, 1),
    )  # fmt: skip
    return generator, discriminator


def learn(folder, networks, **changes):
    """Train, and fit bumps to what the generator makes then."""
    settings = {
        "batch_size": 64,
        "images_seen": 64 * 800,
        "lr": 2e-3,
        "gan_loss": "vanilla",
        "lambda_discriminator": 1.0,
    }
    options = AdversarialOptions(**{**settings, "tensorboard": False, "sample_every": 0, **changes})
    context = StageContext(folder=folder, seed=0)
    torch.manual_seed(0)
    generator, discriminator = networks()
    model = SurfaceGAN(nn.ModuleDict({"target": generator}), nn.ModuleDict({"target": discriminator}), options, context)
    model.start_averaging()

    def batch(step):
        draw = context.generator(f"batch {step}")
        return {"source": torch.randn(64, LATENT, generator=draw), "target": surfaces(64, draw)}

    train(model, batch, optimizers(model, options), linear(0.5), options.steps, 64, context, options)
    final = model.averaged or model.generators
    with torch.no_grad():
        return nearest_bumps(final["target"].eval()(torch.randn(512, LATENT, generator=context.generator("test"))))


def of_real_surfaces():
    return nearest_bumps(surfaces(512, torch.Generator().manual_seed(9)))


def untrained(networks):
    torch.manual_seed(0)
    with torch.no_grad():
        return nearest_bumps(networks()[0](torch.randn(512, LATENT)))


TRICKS = {"instance_noise": 0.3, "label_smoothing": 0.1, "discriminator_steps": 2, "lr_discriminator": 4e-3}


@pytest.mark.parametrize(
    ("networks", "changes"),
    [(fully_connected, {"lambda_gradient_penalty": 0.5}), (convolutional, TRICKS)],
    ids=["fully connected, gradient penalty", "convolutional, noise, smoothing, more and faster discriminator steps"],
)
def test_a_gan_learns_surfaces(tmp_path, networks, changes):
    before, after, real = untrained(networks), learn(tmp_path, networks, **changes), of_real_surfaces()
    assert float(before.distance.mean()) > 0.5
    assert float(after.distance.mean()) < 0.2
    # it makes them all over, like the real ones: it has not collapsed
    assert after.centres.std(0).tolist() == pytest.approx(real.centres.std(0).tolist(), rel=0.3)
    assert after.centres.mean(0).tolist() == pytest.approx([0, 0], abs=0.1)
    assert float(after.widths.mean()) == pytest.approx(float(real.widths.mean()), rel=0.1)
