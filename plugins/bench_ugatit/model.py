"""The two generators and four discriminators of U-GAT-IT, and what they minimise."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench_gan.losses import reconstruction_loss
from bench_gan.model import OTHER, SIDES, AdversarialModel, Batch, RealFakePair, WeightedLoss
from bench_ugatit.networks import AttentionDiscriminator, AttentionGenerator, clip_rho, draw_weights
from bench_ugatit.options import UGATITOptions
from benchmark import StageContext

LOCAL = "_local"
"""Ends the name of a discriminator that scores small patches."""


def make_generators(options: UGATITOptions) -> nn.ModuleDict:
    """Generators by the domain they make images of."""
    size = options.crop if options.size == "full" else None
    return nn.ModuleDict(
        {side: AttentionGenerator(options.filters, options.blocks, size, options.norm_eps) for side in SIDES}
    )


def make_discriminators(options: UGATITOptions) -> nn.ModuleDict:
    """Two discriminators for each domain, by the domain they know: `target`, `target_local` and so on."""
    discriminators = nn.ModuleDict()
    for side in SIDES:
        discriminators[side] = AttentionDiscriminator(options.discriminator_filters, options.global_layers)
        discriminators[f"{side}{LOCAL}"] = AttentionDiscriminator(options.discriminator_filters, options.local_layers)
    return discriminators


def domain_loss(from_other: Tensor, from_own: Tensor) -> Tensor:
    """How badly a generator's classifier tells images to be translated from images of the domain it makes.

    Args:
        from_other: Logits for images of the other domain, any shape; they ought to be above 0.
        from_own: Logits for images of the domain the generator makes; they ought to be below 0.

    Returns:
        The sum of both mean cross-entropies, in float32.

    Source: Kim et al. 2020, arXiv:1907.10830, the CAM loss.
    """
    return F.softplus(-from_other.float()).mean() + F.softplus(from_own.float()).mean()


class UGATITModel(AdversarialModel):
    """Each generator must fool two discriminators, be undone by the other generator, and know what it is shown.

    Args:
        generators: As of `make_generators`; their weights are drawn anew.
        discriminators: As of `make_discriminators`; likewise.
        options: Weights of losses, and what the engine takes.
        context: Its seed decides on all weights.

    Source: Kim et al. 2020, arXiv:1907.10830, the four losses and their sum; weights as in the authors' code.
    """

    options: UGATITOptions

    def __init__(
        self, generators: nn.ModuleDict, discriminators: nn.ModuleDict, options: UGATITOptions, context: StageContext
    ) -> None:
        super().__init__(generators, discriminators, options, context)
        draw_weights(self, context.generator("weights"))

    def generate(self, data: Batch) -> Batch:
        """Translations, as `fake_<domain they shall look like>`, and what generators take images to be.

        Logits are `other_<side>` for images that the generator of that side translates, and `own_<side>` for images
        that look already as it would have them. What it makes of the latter is `same_<side>`. What no loss of weight
        asks for is left out.
        """
        generated: Batch = {}
        for side in SIDES:
            generated |= self._translated(side, data[OTHER[side]], data[side])
        return generated

    def generator_losses(self, data: Batch, generated: Batch) -> dict[str, WeightedLoss]:
        """Adversarial, cycle, identity and domain (the paper's CAM) loss, each in both domains."""
        terms = {name: self.adversarial(name, fake) for name, fake in self._fakes(generated).items()}
        terms = {f"adversarial_{name}": term for name, term in terms.items()}
        for side in SIDES:
            cycled = self.generators[side](generated[f"fake_{OTHER[side]}"])
            terms[f"cycle_{side}"] = WeightedLoss(self.options.lambda_cycle, reconstruction_loss(data[side], cycled))
            if self.options.lambda_identity:
                identity = reconstruction_loss(data[side], generated[f"same_{side}"])
                terms[f"identity_{side}"] = WeightedLoss(self.options.lambda_identity, identity)
            if self.options.lambda_cam:
                loss = domain_loss(generated[f"other_{side}"], generated[f"own_{side}"])
                terms[f"cam_{side}"] = WeightedLoss(self.options.lambda_cam, loss)
        return terms

    def discriminator_inputs(self, data: Batch, generated: Batch) -> dict[str, RealFakePair]:
        """Both discriminators of a domain compare its images with translations into it."""
        return {name: RealFakePair(data[_side(name)], fake) for name, fake in self._fakes(generated).items()}

    def after_generator_step(self) -> None:
        """Keep the shares of instance norm in [0, 1], as the paper asks for."""
        clip_rho(self.generators)

    def _translated(self, side: str, other: Tensor, own: Tensor) -> Batch:
        """One pass of a generator over images of both domains; norms and attention never mix images."""
        generator, count = cast(AttentionGenerator, self.generators[side]), len(other)
        knows = self.options.lambda_identity > 0 or self.options.lambda_cam > 0
        attended, logits = generator.attend(torch.cat([other, own]) if knows else other)
        images = generator.decode(attended if self.options.lambda_identity else attended[:count], *other.shape[2:])
        return {
            f"fake_{side}": images[:count],
            f"same_{side}": images[count:],
            f"other_{side}": logits[:count],
            f"own_{side}": logits[count:],
        }

    def _fakes(self, generated: Batch) -> Batch:
        """What each discriminator is shown, by its name."""
        return {name: generated[f"fake_{_side(name)}"] for name in self.discriminators}


def _side(discriminator: str) -> str:
    return discriminator.removesuffix(LOCAL)
