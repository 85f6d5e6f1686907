"""pix2pix as the harness sees it: it needs pairs, and translates one way."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from bench_engine.model import Batches
from bench_gan.batches import PairedBatches
from bench_gan.translator import AdversarialTranslator
from bench_pix2pix.model import Pix2PixModel, make_discriminators, make_generators
from bench_pix2pix.options import Pix2PixOptions
from benchmark import ImageSet, PluginOptions, StageContext


class Pix2Pix(AdversarialTranslator):
    """A U-Net against a patch discriminator that sees the source image too, with the true image as a guide.

    Source: Isola et al. 2017, arXiv:1611.07004. The "reference" is the authors' PyTorch code,
    junyanz/pytorch-CycleGAN-and-pix2pix. Departures:

    - Norm: instance norm without learned scale and offset stands where the paper has batch norm. In steps of one image
      both take the same statistics, and the paper translates with those of the image at hand, too (section 3.3).
      Biases of convolutions stand for the offsets, which leaves the reference's counts with `--norm instance`:
      54,409,603 parameters in the generator, 4,352 fewer than its 54,413,955 with batch norm (published as 54.414 M),
      and 2,767,809 in the discriminator, 896 fewer than 2,768,705 (2.769 M).
    - Noise: dropout works in training alone, so that one image has one translation. The paper keeps it on when
      translating, and reports that outputs vary but little (section 3.1).
    - Dropout is in the three innermost decoder layers, as in the paper and its Torch code; the reference has it one
      layer further out. With fewer than 7 `downsamplings` fewer decoder layers are of full width, and fewer drop.
    - Size: images of any size are mirrored up to a multiple of 2^downsamplings; the paper's are 256 x 256.
    - Jitter: a random window (`crop`) and mirroring; images are not first enlarged from 256 to 286 pixels, unless
      `enlarge` is 1.117.
    - Length: a step may hold more than one pair, and the schedule counts steps instead of epochs. Its falling second
      half is that of the reference; the paper's Torch code keeps one rate.
    """

    Options: ClassVar[type[PluginOptions]] = Pix2PixOptions
    options: Pix2PixOptions

    def make_generators(self) -> nn.ModuleDict:
        """The U-Net."""
        return make_generators(self.options)

    def make_model(self, context: StageContext) -> Pix2PixModel:
        """Generator and discriminator with their losses."""
        return Pix2PixModel(self.generators, make_discriminators(self.options), self.options, context)

    def batches(self, source: ImageSet, target: ImageSet, context: StageContext) -> Batches:
        """Both images of a pair, under one window and mirroring."""
        options = self.options
        return PairedBatches(source, target, context, options.batch_size, options.crop, options.flip, options.enlarge)
