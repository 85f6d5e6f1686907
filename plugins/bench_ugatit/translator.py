"""U-GAT-IT as the harness sees it: it translates both ways and shows where it looks."""

from __future__ import annotations

from typing import ClassVar, cast

from torch import Tensor, nn

from bench_gan.images import normalize, run_generator
from bench_gan.translator import AdversarialTranslator
from bench_ugatit.attention import feature_heatmap
from bench_ugatit.model import UGATITModel, make_discriminators, make_generators
from bench_ugatit.networks import STRIDE, AttentionGenerator, attention_of, wrong_size
from bench_ugatit.options import UGATITOptions
from benchmark import PluginOptions, StageContext, UsageError
from benchmark.api.imageset import ImageSet


class UGATIT(AdversarialTranslator):
    """Generators that attend by an auxiliary classifier, with adaptive layer-instance norm, against two scales.

    Source: Kim et al. 2020, arXiv:1907.10830; where the paper is silent, the authors' PyTorch code
    (znxlwm/UGATIT-pytorch). Departures:

    - The light form is the default, because the full one takes images of one size only.
    - Images are not enlarged from 256 to 286 pixels before they are cut, unless `enlarge` is 1.117: the scenario
      decides on their size, `crop` on the window.
    - A step runs each generator once over both domains, and the discriminators' step sends no gradient into
      generators. The authors' code runs them twice and throws that gradient away; nothing but cost depends on it.
    - A discriminator sees real and generated images in one pass, so that its spectral norm makes two steps of power
      iteration per update of either side together, instead of three.
    - Weights are drawn from N(0, 0.02^2) as the authors' TensorFlow code has it; their PyTorch code has torch's
      default.
    - AdaLIN and ILN use plain variances, as in the TensorFlow code; the PyTorch code applies Bessel's correction,
      which no image of more than a few features tells from this, and which is undefined for a single one.
    - A step may hold more than one image.
    """

    Options: ClassVar[type[PluginOptions]] = UGATITOptions
    options: UGATITOptions

    def make_generators(self) -> nn.ModuleDict:
        """Both generators."""
        return make_generators(self.options)

    def make_model(self, context: StageContext) -> UGATITModel:
        """Generators and discriminators with their losses."""
        return UGATITModel(self.generators, make_discriminators(self.options), self.options, context)

    def fit(self, source: ImageSet, target: ImageSet, context: StageContext) -> None:
        """Train; `UsageError` where images have not the size that the full form is made for, or are too small."""
        crop = self.options.crop
        for images in (source, target):
            if self.options.size == "full" and crop is not None and images.size != crop:
                raise UsageError(wrong_size(crop, *images.size))
        super().fit(source, target, context)

    def inverse(self, images: Tensor) -> Tensor:
        """Target images in the look of the source."""
        return run_generator(self.generators["source"], images)

    def attention_maps(self, images: Tensor) -> Tensor:
        """Where the generator looks that translates source images; see `bench_ugatit.attention.feature_heatmap`."""
        generator = cast(AttentionGenerator, self.generators["target"])
        attended = attention_of(generator, normalize(images))
        return feature_heatmap(attended, STRIDE, *images.shape[2:])

    def sample_rows(self, source: Tensor, target: Tensor) -> list[Tensor]:
        """As usual, with the attention below the source images."""
        first, *rest = super().sample_rows(source, target)
        return [first, self.attention_maps(source).expand_as(source), *rest]
