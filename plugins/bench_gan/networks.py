"""Generators and discriminators that adversarial translators share, as their papers define them."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench_engine.images import pad_to_multiple
from bench_gan.blur import BlurHalve
from bench_gan.norm import InstanceNorm
from bench_gan.options import ResnetOptions

Upsampling = Literal["transpose", "nearest", "bilinear"]

MAX_WIDENING = 8
"""A patch discriminator stops doubling its channels at this multiple of the first layer's."""


class ReflectConv(nn.Conv2d):
    """A convolution of odd kernel whose borders mirror the image, so that height and width stay at stride 1.

    It does what `padding_mode="reflect"` does, but pads in the type it is given: autocast on a CPU would pad in
    float32, and convert to it and back.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, bias: bool = True) -> None:
        super().__init__(inputs, outputs, kernel, stride, bias=bias)
        self.border = kernel // 2

    def forward(self, features: Tensor) -> Tensor:
        """Features of shape (N, inputs, H, W) in, (N, outputs, H / stride, W / stride) out, rounded up."""
        with torch.autocast(features.device.type, enabled=False):
            padded = F.pad(features, (self.border,) * 4, mode="reflect")
        return super().forward(padded)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with reflection padding and instance norm, added to their input.

    Source: Johnson et al. 2016, arXiv:1603.08155; without a ReLU after the sum.
    """

    def __init__(self, channels: int, eps: float, bias: bool = True) -> None:
        super().__init__()
        self.body = nn.Sequential(
            ReflectConv(channels, channels, 3, bias=bias),
            InstanceNorm(eps),
            nn.ReLU(),
            ReflectConv(channels, channels, 3, bias=bias),
            InstanceNorm(eps),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Features of shape (N, channels, H, W), same shape out."""
        residual: Tensor = self.body(features)
        return features + residual


def _halving(inputs: int, outputs: int, kernel: int, antialias: bool, *then: nn.Module) -> list[nn.Module]:
    """A convolution that halves height and width and what follows it; or one that keeps them, with the halving last."""
    stride = 1 if antialias else 2
    blur = [BlurHalve()] if antialias else []
    return [nn.Conv2d(inputs, outputs, kernel, stride, padding=1), *then, *blur]


def _upsample(inputs: int, outputs: int, upsampling: Upsampling) -> nn.Module:
    if upsampling == "transpose":
        return nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
    return nn.Sequential(nn.Upsample(scale_factor=2, mode=upsampling), ReflectConv(inputs, outputs, 3))


class ResnetGenerator(nn.Module):
    """Encoder, residual blocks, decoder: the generator of CycleGAN.

    With `filters` f, `downsamplings` 2 and n `blocks`: c7s1-f, d2f, d4f, n x R4f, u2f, uf, c7s1-3, tanh.
    11.378 M parameters at f = 64 and n = 9.

    Args:
        filters: Channels of the first layer.
        blocks: Residual blocks; the paper has 6 for 128 x 128 images and 9 from 256 x 256 on.
        downsamplings: Halvings of height and width. Images whose sides 2^downsamplings does not divide are mirrored
            beyond their border and cut back.
        upsampling: "transpose" is the paper's transposed convolution; "nearest" and "bilinear" enlarge and
            then convolve, which leaves no checkerboard.
        eps: Of the instance norm.
        antialias: Halve by smoothing after a convolution of stride 1, at four times its cost, instead of by stride 2.

    Source: Zhu et al. 2017, arXiv:1703.10593, appendix 7.2.
    """

    def __init__(
        self,
        filters: int = 64,
        blocks: int = 9,
        downsamplings: int = 2,
        upsampling: Upsampling = "transpose",
        eps: float = 1e-5,
        antialias: bool = False,
    ) -> None:
        super().__init__()
        self.stride = 2**downsamplings
        widths = [filters * 2**level for level in range(downsamplings + 1)]
        encoder: list[nn.Module] = [ReflectConv(3, filters, 7), InstanceNorm(eps), nn.ReLU()]
        for narrow, wide in pairwise(widths):
            encoder += _halving(narrow, wide, 3, antialias, InstanceNorm(eps), nn.ReLU())
        decoder: list[nn.Module] = []
        for wide, narrow in zip(widths[:0:-1], widths[-2::-1], strict=True):
            decoder += [_upsample(wide, narrow, upsampling), InstanceNorm(eps), nn.ReLU()]
        self.encoder = nn.Sequential(*encoder)
        self.blocks = nn.Sequential(*(ResidualBlock(widths[-1], eps) for _ in range(blocks)))
        self.decoder = nn.Sequential(*decoder, ReflectConv(filters, 3, 7), nn.Tanh())

    def forward(self, images: Tensor) -> Tensor:
        """Images in [-1, 1], shape (N, 3, H, W) of any size; same shape and range out."""
        height, width = images.shape[2:]
        translated: Tensor = self.decoder(self.transform(self.encoder(self.pad_to_stride(images))))
        return translated[..., :height, :width]

    def pad_to_stride(self, images: Tensor) -> Tensor:
        """Images mirrored beyond their lower and right border to a size that the layers can halve and double."""
        # Two features a side is the least that can be mirrored, and four pixels for the first, wider convolution.
        return pad_to_multiple(images, self.stride, minimum=max(2 * self.stride, 4))

    def transform(self, features: Tensor) -> Tensor:
        """What lies between encoder and decoder, shape (N, C, h, w) in and out."""
        transformed: Tensor = self.blocks(features)
        return transformed


class PatchDiscriminator(nn.Module):
    """A score for each patch of the image: real or generated.

    Each of `layers` 4x4 convolutions of stride 2 is followed by one of stride 1 and a last one to a single
    channel. With 3 layers a score sees 70 x 70 pixels (2.765 M parameters at 64 filters); with 2 layers
    34 x 34, with 1 layer 16 x 16. No sigmoid.

    Args:
        filters: Channels of the first layer; doubled at each further layer, up to 8 times.
        layers: Convolutions of stride 2.
        eps: Of the instance norm, which the first and the last layer do without.
        channels: Of its input; 6 for an image joined with the one it was made from.
        antialias: As in `ResnetGenerator`; a score of 3 layers then sees 84 x 84 pixels.

    Source: Zhu et al. 2017, arXiv:1703.10593, appendix 7.2; Isola et al. 2017, arXiv:1611.07004.
    """

    def __init__(
        self, filters: int = 64, layers: int = 3, eps: float = 1e-5, channels: int = 3, *, antialias: bool = False
    ) -> None:
        super().__init__()
        self.layers = layers
        widths = [filters * min(2**level, MAX_WIDENING) for level in range(layers + 1)]
        body = _halving(channels, filters, 4, antialias, nn.LeakyReLU(0.2))
        for narrow, wide in pairwise(widths[:-1]):
            body += _halving(narrow, wide, 4, antialias, InstanceNorm(eps), nn.LeakyReLU(0.2))
        body += [nn.Conv2d(widths[-2], widths[-1], 4, padding=1), InstanceNorm(eps), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*body, nn.Conv2d(widths[-1], 1, 4, padding=1))

    def forward(self, images: Tensor) -> Tensor:
        """Scores of shape (N, 1, h, w) for images in [-1, 1], shape (N, channels, H, W)."""
        scores: Tensor = self.body(images)
        return scores

    def smallest_image(self) -> int:
        """Least height and width in pixels of which a score is left."""
        side: int = 3 * 2**self.layers
        return side


def resnet_generator(options: ResnetOptions) -> ResnetGenerator:
    """The generator that the options describe."""
    return ResnetGenerator(options.filters, options.blocks, options.downsamplings, options.upsampling, options.norm_eps)


def initialize(network: nn.Module, generator: torch.Generator, gain: float = 0.02) -> None:
    """Draw all convolution weights from N(0, gain^2) and set their biases to 0.

    Source: Zhu et al. 2017, arXiv:1703.10593, appendix 7.1.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, gain, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def count_parameters(network: nn.Module) -> int:
    """How many numbers training may change."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
