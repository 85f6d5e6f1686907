"""The U-Net of pix2pix: an encoder and a decoder whose layers of equal size are joined."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from bench_engine.images import pad_to_multiple
from bench_gan.networks import MAX_WIDENING
from bench_gan.norm import InstanceNorm
from bench_pix2pix.options import UnetOptions

DROPOUT_LAYERS = 3
"""How many decoder layers drop features, counted from the innermost, among those of the full width."""


class UnetGenerator(nn.Module):
    """Halves the image to a bottleneck and doubles it again, each decoder layer seeing the encoder's of its size.

    With `filters` 64 and `downsamplings` 8 the encoder is C64-C128-C256-C512-C512-C512-C512-C512 and the decoder
    CD512-CD512-CD512-C512-C256-C128-C64-C3, all 4x4 convolutions of stride 2, leaky ReLU of slope 0.2 in the encoder
    and ReLU in the decoder, tanh at the end. First, innermost and last layer are without norm: an innermost layer of
    one pixel would be normed to zero. 54.410 M parameters.

    Args:
        filters: Channels of the first layer; doubled at each further layer, up to 8 times.
        downsamplings: Halvings of height and width. Images whose sides 2^downsamplings does not divide are mirrored
            beyond their border and cut back.
        dropout: Share of features dropped, in training, by the three innermost decoder layers (by fewer where fewer
            have the full 8 times `filters` channels).
        eps: Of the instance norm.

    Source: Isola et al. 2017, arXiv:1611.07004, section 3.2 and appendix 6.1.
    """

    def __init__(self, filters: int = 64, downsamplings: int = 8, dropout: float = 0.5, eps: float = 1e-5) -> None:
        super().__init__()
        self.stride = 2**downsamplings
        widths = [filters * min(2**level, MAX_WIDENING) for level in range(downsamplings)]
        self.encoder = nn.ModuleList([nn.Conv2d(3, filters, 4, stride=2, padding=1)])
        for narrow, wide in pairwise(widths):
            innermost = len(self.encoder) == downsamplings - 1
            self.encoder.append(_halving(narrow, wide, None if innermost else eps))
        self.decoder = nn.ModuleList()
        for depth, (wide, narrow) in enumerate(pairwise(reversed(widths))):
            drops = depth < DROPOUT_LAYERS and narrow == MAX_WIDENING * filters
            joined = wide if depth == 0 else 2 * wide
            self.decoder.append(_doubling(joined, narrow, eps, dropout if drops else 0.0))
        joined = filters if downsamplings == 1 else 2 * filters
        self.last = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(joined, 3, 4, stride=2, padding=1), nn.Tanh())

    def forward(self, images: Tensor) -> Tensor:
        """Images in [-1, 1], shape (N, 3, H, W) of any size; same shape and range out."""
        height, width = images.shape[2:]
        features = pad_to_multiple(images, self.stride)
        seen: list[Tensor] = []
        for layer in self.encoder:
            features = layer(features)
            seen.append(features)
        seen.pop()
        for layer in self.decoder:
            features = torch.cat([layer(features), seen.pop()], dim=1)
        translated: Tensor = self.last(features)
        return translated[..., :height, :width]


def unet_generator(options: UnetOptions) -> UnetGenerator:
    """The generator that the options describe."""
    return UnetGenerator(options.filters, options.downsamplings, options.dropout, options.norm_eps)


def _halving(inputs: int, outputs: int, eps: float | None) -> nn.Sequential:
    """An encoder layer, without norm where there is no `eps`."""
    norm = [] if eps is None else [InstanceNorm(eps)]
    return nn.Sequential(nn.LeakyReLU(0.2), nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), *norm)


def _doubling(inputs: int, outputs: int, eps: float, dropout: float) -> nn.Sequential:
    """A decoder layer, without dropout where that is 0."""
    drop = [nn.Dropout(dropout)] if dropout else []
    convolution = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)
    return nn.Sequential(nn.ReLU(), convolution, InstanceNorm(eps), *drop)
