"""Generators that take a latent, the encoder that finds it, and the discriminators of images and latents."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count, pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench_engine.images import pad_to_multiple
from bench_gan.networks import ReflectConv, initialize
from bench_gan.norm import instance_norm

DEVIATION = 0.02
"""Of initial weights, and of initial scales of norms without latent."""


class AffineInstanceNorm(nn.Module):
    """Instance norm, then a scale and a shift of each channel.

    Args:
        channels: C of the features.
        eps: Added to the variance.
    """

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.scale = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor, latent: Tensor | None = None) -> Tensor:
        """Features of shape (N, C, H, W), same shape out; the latent says nothing here."""
        scale, shift = (part.to(features.dtype)[:, None, None] for part in (self.scale, self.shift))
        return torch.addcmul(shift, instance_norm(features, self.eps), scale)


class ConditionalInstanceNorm(nn.Module):
    """Instance norm, then a scale and a shift of each channel that a latent decides on; neither is ever negative.

    Args:
        channels: C of the features.
        latent_size: Numbers in a latent.
        eps: Added to the variance.

    Source: Almahairi et al. 2018, arXiv:1802.10151, after Dumoulin et al. 2017, arXiv:1610.07629; the ReLU is that
    of the authors' code (edges2shoes_exp/modules.py).
    """

    def __init__(self, channels: int, latent_size: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.projection = nn.Conv2d(latent_size, 2 * channels, 1)

    def forward(self, features: Tensor, latent: Tensor) -> Tensor:
        """Features of shape (N, C, H, W) and latents of shape (N, latent_size); features of the same shape out."""
        scale, shift = F.relu(self.projection(latent[..., None, None])).to(features.dtype).chunk(2, dim=1)
        return torch.addcmul(shift, instance_norm(features, self.eps), scale)


def _norm(channels: int, latent_size: int, eps: float) -> nn.Module:
    return ConditionalInstanceNorm(channels, latent_size, eps) if latent_size else AffineInstanceNorm(channels, eps)


class Layer(nn.Module):
    """A convolution, a norm, and a ReLU.

    Args:
        convolution: Of any kind.
        channels: That it gives.
        latent_size: 0 for a norm without latent.
        eps: Of the norm.
    """

    def __init__(self, convolution: nn.Module, channels: int, latent_size: int, eps: float) -> None:
        super().__init__()
        self.convolution = convolution
        self.norm = _norm(channels, latent_size, eps)

    def forward(self, features: Tensor, latent: Tensor | None) -> Tensor:
        """Features and latents in, features out."""
        return F.relu(self.norm(self.convolution(features), latent))


class Block(nn.Module):
    """Two 3x3 convolutions added to their input, with a ReLU after the sum.

    The latent speaks after the first convolution; where there is none, that convolution has no norm at all, as in the
    authors' code.
    """

    def __init__(self, channels: int, latent_size: int, eps: float) -> None:
        super().__init__()
        self.first = ReflectConv(channels, channels, 3)
        self.norm = ConditionalInstanceNorm(channels, latent_size, eps) if latent_size else None
        self.second = ReflectConv(channels, channels, 3)
        self.last = AffineInstanceNorm(channels, eps)

    def forward(self, features: Tensor, latent: Tensor | None) -> Tensor:
        """Features of shape (N, channels, H, W), same shape out."""
        inner = self.first(features)
        if self.norm is not None:
            inner = self.norm(inner, latent)
        return F.relu(features + self.last(self.second(F.relu(inner))))


class LatentResnetGenerator(nn.Module):
    """Encoder, residual blocks, decoder, with a latent in the norms of every layer.

    With `filters` f, one downsampling and n `blocks`: 7x7 f, 3x3 2f, strided 3x3 4f, n blocks, transposed 3x3 2f,
    3x3 f, 7x7 3, tanh.

    Args:
        filters: Channels of the first layer.
        blocks: Residual blocks.
        downsamplings: Halvings of height and width. Images whose sides 2^downsamplings does not divide are mirrored
            beyond their border and cut back.
        latent_size: Numbers in a latent; 0 makes a generator without one.
        eps: Of the norms.

    Source: Almahairi et al. 2018, arXiv:1802.10151; layers as in the authors' code (edges2shoes_exp/networks.py).
    """

    def __init__(
        self, filters: int = 32, blocks: int = 3, downsamplings: int = 1, latent_size: int = 0, eps: float = 1e-5
    ) -> None:
        super().__init__()
        self.stride = 2**downsamplings
        widths = [filters * 2**level for level in range(downsamplings + 2)]
        of = latent_size, eps
        layers: list[nn.Module] = [
            Layer(ReflectConv(3, filters, 7), filters, *of),
            Layer(nn.Conv2d(filters, 2 * filters, 3, padding=1), 2 * filters, *of),
        ]
        for narrow, wide in pairwise(widths[1:]):
            layers.append(Layer(nn.Conv2d(narrow, wide, 3, stride=2, padding=1), wide, *of))
        layers += [Block(widths[-1], *of) for _ in range(blocks)]
        for wide, narrow in pairwise(widths[:0:-1]):
            enlarge = nn.ConvTranspose2d(wide, narrow, 3, stride=2, padding=1, output_padding=1)
            layers.append(Layer(enlarge, narrow, *of))
        layers.append(Layer(nn.Conv2d(2 * filters, filters, 3, padding=1), filters, *of))
        self.layers = nn.ModuleList(layers)
        self.last = nn.Conv2d(filters, 3, 7, padding=3)

    def forward(self, images: Tensor, latent: Tensor | None = None) -> Tensor:
        """Images in [-1, 1], shape (N, 3, H, W) of any size; same shape and range out.

        Args:
            images: To translate.
            latent: Shape (N, latent_size); none for a generator without.
        """
        height, width = images.shape[2:]
        # Two features a side is the least that can be mirrored, and four pixels for the first, wider convolution.
        features = pad_to_multiple(images, self.stride, minimum=max(2 * self.stride, 4))
        for layer in self.layers:
            features = layer(features, latent)
        return torch.tanh(self.last(features))[..., :height, :width]


class LatentEncoder(nn.Module):
    """Which latent leads from a source image to a target image.

    Four strided convolutions, a mean over what is left of height and width, and two layers upon it. The norms are
    over all channels of an image at once, as instance norm would take away the overall colour that a latent is to tell.

    Args:
        latent_size: Numbers in a latent.
        filters: Channels of the first layer; doubled at each further one.
        eps: Of the norms.

    Source: Almahairi et al. 2018, arXiv:1802.10151; layers as in the authors' code (edges2shoes_exp/networks.py),
    but for norms and pooling.
    """

    def __init__(self, latent_size: int = 16, filters: int = 32, eps: float = 1e-5) -> None:
        super().__init__()
        widths = [filters * 2**level for level in range(4)]
        layers: list[nn.Module] = [nn.Conv2d(6, filters, 3, stride=2, padding=1), nn.ReLU()]
        for narrow, wide in pairwise(widths):
            convolution = nn.Conv2d(narrow, wide, 3, stride=2, padding=1, bias=False)
            layers += [convolution, nn.GroupNorm(1, wide, eps), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        widest = widths[-1]
        self.head = nn.Sequential(
            nn.Conv2d(widest, widest, 1, bias=False),
            nn.GroupNorm(1, widest, eps),
            nn.ReLU(),
            nn.Conv2d(widest, latent_size, 1),
        )

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Latents in float32, shape (N, latent_size), of pairs of images in [-1, 1], shape (N, 3, H, W) of any size."""
        features = self.layers(torch.cat([source, target.to(source.dtype)], dim=1))
        latents: Tensor = self.head(features.float().mean((2, 3), keepdim=True))
        return latents.flatten(1).float()


class ImageDiscriminator(nn.Module):
    """A score for each window of an image: real or generated.

    Convolutions of the given strides, all but the first with instance norm, and a last 4x4 one to a single channel.
    No sigmoid.

    Args:
        filters: Channels of the first layer; doubled twice.
        kernel: Height and width of all kernels but the last.
        strides: Of all convolutions but the last.
        border: Pixels of padding of the last one.
        eps: Of the instance norm.

    Source: `Discriminator` and `Discriminator_edges` of the authors' code (edges2shoes_exp/networks.py).
    """

    def __init__(self, filters: int, kernel: int, strides: Sequence[int], border: int, eps: float = 1e-5) -> None:
        super().__init__()
        widths = [filters * min(2**level, 4) for level in range(len(strides))]
        layers: list[nn.Module] = [nn.Conv2d(3, filters, kernel, strides[0], 1), nn.LeakyReLU(0.2)]
        for narrow, wide, stride in zip(widths, widths[1:], strides[1:], strict=False):
            convolution = nn.Conv2d(narrow, wide, kernel, stride, 1)
            layers += [convolution, AffineInstanceNorm(wide, eps), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, padding=border))

    def forward(self, images: Tensor) -> Tensor:
        """Scores of shape (N, 1, h, w) for images in [-1, 1], shape (N, 3, H, W)."""
        scores: Tensor = self.layers(images)
        return scores

    def smallest_image(self) -> int:
        """Least height and width in pixels of which a score is left."""
        return next(side for side in count(1) if self._left_of(side) > 0)

    def _left_of(self, side: int) -> int:
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                padded = side + 2 * int(layer.padding[0])
                side = (padded - layer.kernel_size[0]) // layer.stride[0] + 1
                if side < 1:
                    return 0
        return side


class LatentDiscriminator(nn.Module):
    """A score for a latent: drawn from N(0, I) or found by the encoder.

    Source: `DiscriminatorLatent` of the authors' code (edges2shoes_exp/networks.py), with layer norm.
    """

    def __init__(self, latent_size: int = 16, filters: int = 64, eps: float = 1e-5) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs in (latent_size, filters, filters):
            layers += [nn.Linear(inputs, filters), nn.LayerNorm(filters, eps), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Linear(filters, 1))

    def forward(self, latents: Tensor) -> Tensor:
        """Scores of shape (N, 1) for latents of shape (N, latent_size)."""
        scores: Tensor = self.layers(latents)
        return scores


def initialize_weights(network: nn.Module, generator: torch.Generator, scale: float, latent_weight: float) -> None:
    """Draw all weights anew.

    Convolutions have N(0, 0.02^2) and no bias, linear layers are uniform within 1 / sqrt(inputs).

    Args:
        network: Of any of this module's classes.
        generator: What to draw from.
        scale: What instance norms multiply with, on average, before training; 0 in the authors' code.
        latent_weight: Deviation of the weights by which a latent moves conditional norms; 0.02 in the authors' code.

    Source: `weights_init` and the layers' own defaults in the authors' code.
    """
    initialize(network, generator, DEVIATION)
    for module in network.modules():
        if isinstance(module, AffineInstanceNorm):
            nn.init.normal_(module.scale, scale, DEVIATION, generator=generator)
            nn.init.zeros_(module.shift)
        elif isinstance(module, ConditionalInstanceNorm):
            assert module.projection.bias is not None
            nn.init.normal_(module.projection.weight, 0.0, latent_weight, generator=generator)
            nn.init.constant_(module.projection.bias.chunk(2)[0], scale)
        elif isinstance(module, nn.GroupNorm):
            nn.init.normal_(module.weight, 1.0, DEVIATION, generator=generator)
        elif isinstance(module, nn.Linear):
            bound = module.in_features**-0.5
            for parameter in module.parameters():
                nn.init.uniform_(parameter, -bound, bound, generator=generator)
