"""CycleGAN as the harness sees it: it translates both ways."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from bench_cyclegan.model import CycleGANModel, make_discriminators, make_generators
from bench_cyclegan.options import CycleGANOptions
from bench_gan.images import run_generator
from bench_gan.translator import AdversarialTranslator
from benchmark import PluginOptions, StageContext


class CycleGAN(AdversarialTranslator):
    """Two generators, each the way back of the other, against a patch discriminator in each domain.

    Source: Zhu et al. 2017, arXiv:1703.10593, and the authors' code (junyanz/pytorch-CycleGAN-and-pix2pix). Departures:

    - A step may hold more than one image.
    - The schedule counts steps instead of epochs.
    - The code enlarges images from 256 to 286 pixels and cuts random windows of 256 out of them; here that is off,
      unless `enlarge` is 1.117.
    - The code has the identity loss on by default (0.5 x 10), which the paper has for paintings alone; here
      `lambda_identity` is 0.
    """

    Options: ClassVar[type[PluginOptions]] = CycleGANOptions
    options: CycleGANOptions

    def make_generators(self) -> nn.ModuleDict:
        """Both generators."""
        return make_generators(self.options)

    def make_discriminators(self) -> nn.ModuleDict:
        """Both discriminators."""
        return make_discriminators(self.options)

    def make_model(self, context: StageContext) -> CycleGANModel:
        """Generators and discriminators with their losses."""
        return CycleGANModel(self.generators, self.make_discriminators(), self.options, context)

    def inverse(self, images: Tensor) -> Tensor:
        """Target images in the look of the source."""
        return run_generator(self.generators["source"], images)
