"""The two generators and two discriminators of CycleGAN, and what they minimise."""

from __future__ import annotations

import torch
from torch import nn

from bench_cyclegan.options import CycleGANOptions
from bench_gan.losses import reconstruction_loss
from bench_gan.model import OTHER, SIDES, AdversarialModel, Batch, RealFakePair, WeightedLoss
from bench_gan.networks import PatchDiscriminator, initialize, resnet_generator
from benchmark import StageContext


def make_generators(options: CycleGANOptions) -> nn.ModuleDict:
    """Generators by the domain they make images of: `target` is the paper's G, `source` its F."""
    return nn.ModuleDict({side: resnet_generator(options) for side in SIDES})


def make_discriminators(options: CycleGANOptions) -> nn.ModuleDict:
    """Discriminators by the domain they know: `target` is the paper's D_Y, `source` its D_X."""
    sizes = options.discriminator_filters, options.discriminator_layers, options.norm_eps
    return nn.ModuleDict({side: PatchDiscriminator(*sizes) for side in SIDES})


class CycleGANModel(AdversarialModel):
    """Each generator must fool its discriminator, and be undone by the other generator.

    Args:
        generators: As of `make_generators`; their weights are drawn anew.
        discriminators: As of `make_discriminators`; likewise.
        options: Weights of losses, and what the engine takes.
        context: Its seed decides on all weights and on the image pools.

    Source: Zhu et al. 2017, arXiv:1703.10593, section 3.
    """

    options: CycleGANOptions

    def __init__(
        self, generators: nn.ModuleDict, discriminators: nn.ModuleDict, options: CycleGANOptions, context: StageContext
    ) -> None:
        super().__init__(generators, discriminators, options, context)
        initialize(self, context.generator("weights"))

    def generate(self, data: Batch) -> Batch:
        """Translations, as `fake_<domain they shall look like>`.

        Where the identity loss has weight, also `same_<domain>`: what a domain becomes if given to its own generator,
        from the same pass.
        """
        generated: Batch = {}
        for side in SIDES:
            other = data[OTHER[side]]
            if self.options.lambda_identity:
                both = self.generators[side](torch.cat([other, data[side]]))
                generated[f"fake_{side}"], generated[f"same_{side}"] = both.split([len(other), len(data[side])])
            else:
                generated[f"fake_{side}"] = self.generators[side](other)
        return generated

    def generator_losses(self, data: Batch, generated: Batch) -> dict[str, WeightedLoss]:
        """Adversarial loss (equation 1), cycle loss (equation 2), identity loss (section 5.2), each in both domains."""
        terms: dict[str, WeightedLoss] = {}
        for side in SIDES:
            cycled = self.generators[side](generated[f"fake_{OTHER[side]}"])
            terms[f"adversarial_{side}"] = self.adversarial(side, generated[f"fake_{side}"])
            terms[f"cycle_{side}"] = WeightedLoss(self.options.lambda_cycle, reconstruction_loss(data[side], cycled))
            if self.options.lambda_identity:
                identity = reconstruction_loss(data[side], generated[f"same_{side}"])
                terms[f"identity_{side}"] = WeightedLoss(self.options.lambda_identity, identity)
        return terms

    def discriminator_inputs(self, data: Batch, generated: Batch) -> dict[str, RealFakePair]:
        """Each discriminator compares images of its domain with translations into it."""
        return {side: RealFakePair(data[side], generated[f"fake_{side}"]) for side in SIDES}
