"""The networks of Augmented CycleGAN, and what they minimise."""

from __future__ import annotations

import torch
from torch import nn

from bench_augmented_cyclegan.networks import (
    ImageDiscriminator,
    LatentDiscriminator,
    LatentEncoder,
    LatentResnetGenerator,
    initialize_weights,
)
from bench_augmented_cyclegan.options import AugmentedCycleGANOptions
from bench_gan.losses import reconstruction_loss
from bench_gan.model import AdversarialModel, Batch, RealFakePair, WeightedLoss
from benchmark import StageContext


def make_generators(options: AugmentedCycleGANOptions) -> nn.ModuleDict:
    """`target` is the paper's G_AB and takes a latent, `source` its G_BA without one, `encoder` its E_B."""
    sizes = options.filters, options.blocks, options.downsamplings
    return nn.ModuleDict(
        {
            "target": LatentResnetGenerator(*sizes, options.latent_size, options.norm_eps),
            "source": LatentResnetGenerator(*sizes, 0, options.norm_eps),
            "encoder": LatentEncoder(options.latent_size, options.encoder_filters, options.norm_eps),
        }
    )


def make_discriminators(options: AugmentedCycleGANOptions) -> nn.ModuleDict:
    """`target` is the paper's D_B, `source` its D_A, `latent` its D_Zb."""
    strides = [2] * options.source_discriminator_layers
    return nn.ModuleDict(
        {
            "target": ImageDiscriminator(options.discriminator_filters, 4, (2, 2, 1, 1), 1, options.norm_eps),
            "source": ImageDiscriminator(options.source_discriminator_filters, 3, strides, 0, options.norm_eps),
            "latent": LatentDiscriminator(options.latent_size, options.latent_discriminator_filters, options.norm_eps),
        }
    )


class AugmentedCycleGANModel(AdversarialModel):
    """Two cycles over pairs of an image and a latent, whose four ends must all look drawn from their domain.

    One leads from a source image and a latent to a target image and back to both; the other from a target image to a
    source image and the latent that was lost with it, and back.

    Args:
        generators: As of `make_generators`; their weights are drawn anew.
        discriminators: As of `make_discriminators`; likewise.
        options: Weights of losses, and what the engine takes.
        context: Its seed decides on all weights.

    Source: Almahairi et al. 2018, arXiv:1802.10151, section 3; weights and norms of the losses as in `train_instance`
    of the authors' code (edges2shoes_exp/model.py).
    """

    options: AugmentedCycleGANOptions

    def __init__(
        self,
        generators: nn.ModuleDict,
        discriminators: nn.ModuleDict,
        options: AugmentedCycleGANOptions,
        context: StageContext,
    ) -> None:
        super().__init__(generators, discriminators, options, context)
        initialize_weights(self, context.generator("weights"), options.initial_scale, options.initial_latent_weight)

    def generate(self, data: Batch) -> Batch:
        """Translations `fake_target` and `fake_source`, and `posterior`, the latents of the target images.

        Where the identity loss has weight, also `same_target` and `same_source`: what a domain becomes if given to its
        own generator, the target with its own latent.
        """
        to_target, to_source, encode = (self.generators[name] for name in ("target", "source", "encoder"))
        source, target, latent = data["source"], data["target"], data["latent"]
        if not self.options.lambda_identity:
            fake_source = to_source(target)
            generated = {"fake_source": fake_source, "posterior": encode(fake_source, target)}
            return generated | {"fake_target": to_target(source, latent)}
        fake_source, same_source = to_source(torch.cat([target, source])).chunk(2)
        posterior = encode(fake_source, target)
        both = to_target(torch.cat([source, target]), torch.cat([latent, posterior]))
        generated = {"fake_source": fake_source, "same_source": same_source, "posterior": posterior}
        return generated | dict(zip(("fake_target", "same_target"), both.chunk(2), strict=True))

    def generator_losses(self, data: Batch, generated: Batch) -> dict[str, WeightedLoss]:
        """Adversarial losses of both domains and of latents, cycle losses of both and of latents, identity losses."""
        options = self.options
        terms = {
            "adversarial_target": self.adversarial("target", generated["fake_target"]),
            "adversarial_source": self.adversarial("source", generated["fake_source"]),
            "adversarial_latent": self.adversarial("latent", generated["posterior"]),
        }
        source = self.generators["source"](generated["fake_target"])
        target = self.generators["target"](generated["fake_source"], generated["posterior"])
        latent = self.generators["encoder"](data["source"], generated["fake_target"])
        terms["cycle_source"] = WeightedLoss(options.lambda_cycle, reconstruction_loss(data["source"], source))
        terms["cycle_target"] = WeightedLoss(options.lambda_cycle, reconstruction_loss(data["target"], target))
        terms["cycle_latent"] = WeightedLoss(options.lambda_latent, reconstruction_loss(data["latent"], latent))
        if options.lambda_identity:
            for side in ("target", "source"):
                identity = reconstruction_loss(data[side], generated[f"same_{side}"])
                terms[f"identity_{side}"] = WeightedLoss(options.lambda_identity, identity)
        return terms

    def discriminator_inputs(self, data: Batch, generated: Batch) -> dict[str, RealFakePair]:
        """Images of each domain against translations, latents of N(0, I) against those of target images."""
        return {
            "target": RealFakePair(data["target"], generated["fake_target"]),
            "source": RealFakePair(data["source"], generated["fake_source"]),
            "latent": RealFakePair(data["latent"], generated["posterior"]),
        }
