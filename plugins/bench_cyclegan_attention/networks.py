"""CycleGAN's generator and discriminator with self-attention in some places."""

from __future__ import annotations

from itertools import count

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench_cyclegan_attention.attention import SelfAttention
from bench_cyclegan_attention.options import CycleGANAttentionOptions
from bench_gan.networks import PatchDiscriminator, ResnetGenerator


def self_attention(channels: int, options: CycleGANAttentionOptions) -> SelfAttention:
    """The block that the options describe."""
    return SelfAttention(
        channels, options.attention_reduction, options.attention_keys, spectral=options.attention_spectral_norm
    )


class AttentiveGenerator(ResnetGenerator):
    """`ResnetGenerator` with attention before and after its residual blocks, or at one of these places.

    Without its attention, the names of its weights are those of `ResnetGenerator`.
    """

    def __init__(self, options: CycleGANAttentionOptions) -> None:
        super().__init__(options.filters, options.blocks, options.downsamplings, options.upsampling, options.norm_eps)
        width = options.filters * self.stride
        self.attention = nn.ModuleDict({place: self_attention(width, options) for place in options.attention_generator})

    def transform(self, features: Tensor) -> Tensor:
        """The residual blocks, and attention around them."""
        if "before-blocks" in self.attention:
            features = self.attention["before-blocks"](features)
        features = self.blocks(features)
        if "after-blocks" in self.attention:
            features = self.attention["after-blocks"](features)
        return features

    @torch.no_grad()
    def attention_map(self, images: Tensor, place: tuple[int, int] | None = None) -> Tensor:
        """Where attention goes, a mean over the blocks, each brought to a maximum of 1.

        Args:
            images: In [-1, 1], shape (N, 3, H, W).
            place: Row and column of the pixel that looks; None: a mean over all of them.

        Returns:
            float32 in [0, 1], shape (N, 1, H, W).
        """
        maps: list[Tensor] = []

        def look(block: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            assert isinstance(block, SelfAttention)
            seen = inputs[0]
            cell = None if place is None else tuple(at // self.stride for at in place)
            found = block.attention_received_map(seen) if cell is None else block.attention_of_query(seen, *cell)
            # the features cover the image and what it was padded with
            size = [side * self.stride for side in seen.shape[2:]]
            large = F.interpolate(found, size=size, mode="bilinear", align_corners=False)
            maps.append(large / large.amax((2, 3), keepdim=True).clamp_min(1e-12))

        handles = [block.register_forward_pre_hook(look) for block in self.attention.values()]
        try:
            self(images)
        finally:
            for handle in handles:
                handle.remove()
        return torch.stack(maps).mean(0)[..., : images.shape[2], : images.shape[3]]


class AttentivePatchDiscriminator(PatchDiscriminator):
    """`PatchDiscriminator` with attention behind the activations of some of its convolutions."""

    def __init__(self, options: CycleGANAttentionOptions) -> None:
        super().__init__(options.discriminator_filters, options.discriminator_layers, options.norm_eps)
        *widths, _ = [layer.out_channels for layer in self.body if isinstance(layer, nn.Conv2d)]
        layers = len(widths) + 1
        # counted from the end where negative
        numbers = sorted({place % layers if place < 0 else place for place in options.attention_discriminator})
        self.attention = nn.ModuleDict({str(number): self_attention(widths[number - 1], options) for number in numbers})

    def forward(self, images: Tensor) -> Tensor:
        """Scores of shape (N, 1, h, w) for images in [-1, 1], shape (N, 3, H, W)."""
        number, features = count(1), images
        for layer in self.body:
            features = layer(features)
            if isinstance(layer, nn.LeakyReLU) and (name := str(next(number))) in self.attention:
                features = self.attention[name](features)
        return features
