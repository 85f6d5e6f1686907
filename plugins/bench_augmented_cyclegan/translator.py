"""Augmented CycleGAN as the harness sees it: several translations of each image, and one way back."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from bench_augmented_cyclegan.latents import LatentBatches, latents_of
from bench_augmented_cyclegan.model import AugmentedCycleGANModel, make_discriminators, make_generators
from bench_augmented_cyclegan.options import AugmentedCycleGANOptions
from bench_engine.model import Batches
from bench_gan.images import normalize, run_generator
from bench_gan.translator import AdversarialTranslator
from benchmark import ImageSet, PluginOptions, StageContext

SHOWN_VARIANTS = 4


class AugmentedCycleGAN(AdversarialTranslator):
    """Two generators, one of which takes a latent that an encoder can find again.

    The latent of variant k of an image is drawn from N(0, I) with a seed made of the image's 8-bit pixels and k
    (`bench_augmented_cyclegan.latents.latents_of`). It depends neither on batches nor on the run's seed, and two
    images share none, so that a segmenter that draws a variant anew in each epoch sees a new latent for each image.

    Source: Almahairi et al. 2018, arXiv:1802.10151, and the authors' code for edges and shoes
    (github.com/aalmah/augmented_cyclegan, edges2shoes_exp), which has the networks, weights and rates. Departures:

    - Images may have any size. The encoder averages over height and width where the code has a 4x4 convolution that
      fits 64 x 64 pixels alone. The source's discriminator keeps that convolution and moves it over the image: a single
      score at 64 x 64 pixels as in the code, a score for each window above.
    - No batch norm, which is undefined for a single image: the encoder has norms over all channels of an image
      (GroupNorm of one group), the latent discriminator has layer norm.
    - Conditional norms divide by the variance over n pixels, the code by that over n - 1, which a single pixel lacks.
    - The discriminators' rate follows the schedule of the generators', a fifth of it throughout. The code sets it to
      the generators' at the first decay, five times what it was.
    - One optimizer for each side, whose gradients are clipped together (at norm 500); the code clips each network's.
      Adam computes the same for several optimizers as for one.
    - A step may hold any number of images (32 in the code), and the schedule counts steps instead of epochs.
    - The encoder gives means alone. The code's head for variances serves its option of a stochastic encoder, which
      is off by default.
    - `lambda_identity` adds an identity loss in which a target image comes with its own latent from the encoder. Off
      by default; within short trainings it keeps classes from taking each other's colours.
    - `initial_scale` and `initial_latent_weight` let norms start with all channels alive instead of with those that
      the latent switches on. The defaults are the code's.
    """

    Options: ClassVar[type[PluginOptions]] = AugmentedCycleGANOptions
    options: AugmentedCycleGANOptions

    @property
    def variants(self) -> int:
        """How many translations of each image are stored."""
        return self.options.variants

    @property
    def clip_norm(self) -> float | None:
        """Largest norm of a side's gradients."""
        return self.options.clip_norm

    def make_generators(self) -> nn.ModuleDict:
        """Both generators and the encoder."""
        return make_generators(self.options)

    def make_model(self, context: StageContext) -> AugmentedCycleGANModel:
        """Generators, encoder and discriminators with their losses."""
        return AugmentedCycleGANModel(self.generators, make_discriminators(self.options), self.options, context)

    def batches(self, source: ImageSet, target: ImageSet, context: StageContext) -> Batches:
        """Images of both domains in orders of their own, and latents."""
        options = self.options
        return LatentBatches(
            source,
            target,
            context,
            options.batch_size,
            options.crop,
            options.flip,
            options.enlarge,
            options.latent_size,
        )

    def translate(self, images: Tensor, variant: int = 0) -> Tensor:
        """Source images in one of the looks of the target; any variant number from 0 on gives one."""
        return run_generator(self.generators["target"], images, latents_of(images, variant, self.options.latent_size))

    def inverse(self, images: Tensor) -> Tensor:
        """Target images in the look of the source."""
        return run_generator(self.generators["source"], images)

    def reconstruct(self, images: Tensor) -> Tensor:
        """Target images on their way round: to the source and, with the latents they had, back."""
        source = self.inverse(images)
        with torch.no_grad():
            latents = self.generators["encoder"](normalize(source), normalize(images))
        return run_generator(self.generators["target"], source, latents)

    def sample_rows(self, source: Tensor, target: Tensor) -> list[Tensor]:
        """Source, its first variants, the first of them on its way back; target, its inverse, target again."""
        there = [self.translate(source, variant) for variant in range(min(self.variants, SHOWN_VARIANTS))]
        return [source, *there, self.inverse(there[0]), target, self.inverse(target), self.reconstruct(target)]
