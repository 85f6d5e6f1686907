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

    Source: Zhu et al. 2017, arXiv:1703.10593. Two departures: a step may hold more than one image, and the
    schedule counts steps instead of epochs.
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
