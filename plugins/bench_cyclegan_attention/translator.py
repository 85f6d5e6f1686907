"""CycleGAN with self-attention as the harness sees it: it also shows where it looks."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from bench_cyclegan.model import CycleGANModel
from bench_cyclegan.translator import CycleGAN
from bench_cyclegan_attention.attention import SelfAttention
from bench_cyclegan_attention.networks import AttentiveGenerator, AttentivePatchDiscriminator
from bench_cyclegan_attention.options import CycleGANAttentionOptions
from bench_gan.images import normalize
from bench_gan.model import SIDES
from benchmark import PluginOptions, StageContext, UsageError


class CycleGANAttention(CycleGAN):
    """CycleGAN whose generators and discriminators hold blocks of self-attention.

    Everything else is CycleGAN's, its random draws included: as `gamma` starts at 0, both make the same images before
    the first step.

    Sources: Zhu et al. 2017, arXiv:1703.10593; Zhang et al. 2019, arXiv:1805.08318, section 3. Departures from the
    latter: keys and values are pooled only beyond `attention_keys` places; no batch norm, hinge loss or spectral norm
    (which is an option of the blocks), as the networks around them are CycleGAN's.
    """

    Options: ClassVar[type[PluginOptions]] = CycleGANAttentionOptions
    options: CycleGANAttentionOptions

    def make_generators(self) -> nn.ModuleDict:
        """Both generators."""
        return nn.ModuleDict({side: AttentiveGenerator(self.options) for side in SIDES})

    def make_discriminators(self) -> nn.ModuleDict:
        """Both discriminators."""
        return nn.ModuleDict({side: AttentivePatchDiscriminator(self.options) for side in SIDES})

    def make_model(self, context: StageContext) -> CycleGANModel:
        """CycleGAN's model; the weights of attention come from a generator of their own."""
        model = super().make_model(context)
        generator = context.generator("weights of attention")
        for module in model.modules():
            if isinstance(module, SelfAttention):
                module.draw_weights(generator)
        return model

    def attention_maps(self, images: Tensor) -> Tensor:
        """How much each pixel is looked at when source images are translated, shape (N, 1, H, W)."""
        return self._generator().attention_map(normalize(images))

    def attention_from(self, images: Tensor, row: int, column: int) -> Tensor:
        """Where one pixel looks when source images are translated, shape (N, 1, H, W)."""
        return self._generator().attention_map(normalize(images), (row, column))

    def _generator(self) -> AttentiveGenerator:
        generator = self.generators["target"].eval()
        assert isinstance(generator, AttentiveGenerator)
        if not generator.attention:
            raise UsageError("attention_generator: no place is named, so that there is no attention to be shown")
        return generator
