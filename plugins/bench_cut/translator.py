"""CUT and FastCUT as the harness sees them: they translate one way."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from bench_cut.model import CUTModel
from bench_cut.networks import make_discriminators, make_generators
from bench_cut.options import CUTOptions, FastCUTOptions
from bench_gan.translator import AdversarialTranslator
from benchmark import PluginOptions, StageContext


class CUT(AdversarialTranslator):
    """One generator and one discriminator; what ties a translation to its source is the contrast of their patches.

    Source: Park et al. 2020, arXiv:2007.15651, and its reference code, taesungp/contrastive-unpaired-translation.
    Departures from the paper:

    - The contrast is a mean over layers and places, not a sum, as in the reference code.

    Departures from the reference code:

    - Both contrasts have weight 1, as in the paper; the code halves their sum where it computes both.
    - The heads are made at once, from known widths, and not on the first batch; generator and heads share an Adam,
      which is the same as two with equal settings, for it treats each number apart.
    - Features of source images come from the pass that translates them, which the discriminator's update in between
      does not touch. The code encodes the images again, with gradients that it then drops.
    - The same places are compared in source and target images of a step; the code draws them apart.
    - Pixels are compared without the border that the code mirrors around them, and the decoder's convolutions mirror
      their border where the code sets it to 0.
    - Images are not enlarged from 256 to 286 pixels before windows are cut out of them, unless `enlarge` is 1.117.
    - A step may hold more than one image, and the schedule counts steps instead of epochs. The default lengths are
      epochs of horse2zebra (1334 steps); the code has the same number of epochs for every data set.
    """

    Options: ClassVar[type[PluginOptions]] = CUTOptions
    options: CUTOptions

    def make_generators(self) -> nn.ModuleDict:
        """The generator and the heads, which are kept with it."""
        return make_generators(self.options)

    def make_discriminators(self) -> nn.ModuleDict:
        """The discriminator."""
        return make_discriminators(self.options)

    def make_model(self, context: StageContext) -> CUTModel:
        """Generator, heads and discriminator with their losses."""
        return CUTModel(self.generators, self.make_discriminators(), self.options, context)


class FastCUT(CUT):
    """CUT without target images in the contrast: with ten times its weight, and equivariant to mirroring.

    Source: Park et al. 2020, arXiv:2007.15651, section 4; mirroring and 150 + 50 epochs are the reference code's.
    """

    Options: ClassVar[type[PluginOptions]] = FastCUTOptions
    options: FastCUTOptions
