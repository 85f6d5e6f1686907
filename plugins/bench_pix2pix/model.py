"""The generator and the conditional discriminator of pix2pix, and what they minimise."""

from __future__ import annotations

from torch import nn

from bench_gan.losses import reconstruction_loss
from bench_gan.model import AdversarialModel, Batch, RealFakePair, WeightedLoss
from bench_gan.networks import PatchDiscriminator, initialize
from bench_pix2pix.networks import unet_generator
from bench_pix2pix.options import Pix2PixOptions
from benchmark import StageContext

PAIR_CHANNELS = 6
"""A source image and a target image, joined."""


def make_generators(options: Pix2PixOptions) -> nn.ModuleDict:
    """The paper's G."""
    return nn.ModuleDict({"target": unet_generator(options)})


def make_discriminators(options: Pix2PixOptions) -> nn.ModuleDict:
    """The paper's D, which sees a source image and what may belong to it."""
    sizes = options.discriminator_filters, options.discriminator_layers, options.norm_eps
    return nn.ModuleDict({"target": PatchDiscriminator(*sizes, channels=PAIR_CHANNELS)})


class Pix2PixModel(AdversarialModel):
    """The generator must come close to the true image, and its pairs must pass for true ones.

    Args:
        generators: As of `make_generators`; their weights are drawn anew.
        discriminators: As of `make_discriminators`; likewise.
        options: Weights of losses, and what the engine takes.
        context: Its seed decides on all weights.

    Source: Isola et al. 2017, arXiv:1611.07004, section 3.
    """

    options: Pix2PixOptions

    def __init__(
        self, generators: nn.ModuleDict, discriminators: nn.ModuleDict, options: Pix2PixOptions, context: StageContext
    ) -> None:
        super().__init__(generators, discriminators, options, context)
        initialize(self, context.generator("weights"))

    def generate(self, data: Batch) -> Batch:
        """The translations, as `fake_target`; what dropout leaves of the features stands for the paper's noise z."""
        return {"fake_target": self.generators["target"](data["source"])}

    def generator_losses(self, data: Batch, generated: Batch) -> dict[str, WeightedLoss]:
        """Adversarial loss (equation 1) and absolute difference to the true image (equation 3)."""
        fake = generated["fake_target"]
        terms = {"adversarial_target": self.adversarial("target", fake, data["source"])}
        if self.options.lambda_l1:
            terms["l1"] = WeightedLoss(self.options.lambda_l1, reconstruction_loss(data["target"], fake))
        return terms

    def discriminator_inputs(self, data: Batch, generated: Batch) -> dict[str, RealFakePair]:
        """True and translated image, each beside the source image."""
        return {"target": RealFakePair(data["target"], generated["fake_target"], condition=data["source"])}
