"""Generators that attend and discriminators that attend, of U-GAT-IT."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench_engine.images import pad_to_multiple
from bench_gan.networks import ReflectConv, ResidualBlock, initialize
from bench_gan.norm import InstanceNorm
from bench_ugatit.attention import ClassAttention
from bench_ugatit.norm import AdaptiveLayerInstanceNorm, LayerInstanceNorm
from bench_ugatit.spectral import SpectralConv
from benchmark import UsageError

DOWNSAMPLINGS = 2
STRIDE: int = 2**DOWNSAMPLINGS
"""Pixels per feature of a generator."""

SMALLEST = 2 * STRIDE
"""Images are mirrored up to this side at least: two features are the least that can be mirrored."""

SLOPE = 0.2
"""Of leaky ReLUs below zero."""

DEVIATION = 0.02
"""Of weights before training."""

Size = tuple[int, int]


class Style(nn.Module):
    """Gain and shift of all adaptive norms of a decoder, from the attended features of the image.

    Args:
        channels: Of the features and of what is returned.
        positions: Height times width of the features, of which the network sees every one; None: it sees their
            averages and takes any size.

    Source: Kim et al. 2020, arXiv:1907.10830; averages: "light" in the authors' code.
    """

    def __init__(self, channels: int, positions: int | None = None) -> None:
        super().__init__()
        self.averaged = positions is None
        self.first = nn.Linear(channels * (positions or 1), channels, bias=False)
        self.second = nn.Linear(channels, channels, bias=False)
        self.gamma = nn.Linear(channels, channels, bias=False)
        self.beta = nn.Linear(channels, channels, bias=False)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Features of shape (N, channels, h, w) in; gamma and beta out, shape (N, channels) each."""
        seen = features.mean((2, 3)) if self.averaged else features.flatten(1)
        style = F.relu(self.second(F.relu(self.first(seen))))
        return self.gamma(style), self.beta(style)


class AdaptiveBlock(nn.Module):
    """A residual block with adaptive norms.

    Source: Kim et al. 2020, arXiv:1907.10830; layers as in the authors' PyTorch code.
    """

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.first = ReflectConv(channels, channels, 3, bias=False)
        self.first_norm = AdaptiveLayerInstanceNorm(channels, eps)
        self.second = ReflectConv(channels, channels, 3, bias=False)
        self.second_norm = AdaptiveLayerInstanceNorm(channels, eps)

    def forward(self, features: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """Features of shape (N, channels, H, W), gain and shift of (N, channels); the shape of the features out."""
        hidden = F.relu(self.first_norm(self.first(features), gamma, beta))
        residual: Tensor = self.second_norm(self.second(hidden), gamma, beta)
        return features + residual


def _encoder(widths: list[int], blocks: int, eps: float) -> nn.Sequential:
    layers: list[nn.Module] = [ReflectConv(3, widths[0], 7, bias=False), InstanceNorm(eps), nn.ReLU()]
    for narrow, wide in pairwise(widths):
        layers += [ReflectConv(narrow, wide, 3, stride=2, bias=False), InstanceNorm(eps), nn.ReLU()]
    return nn.Sequential(*layers, *(ResidualBlock(widths[-1], eps, bias=False) for _ in range(blocks)))


def _upsampler(widths: list[int], eps: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    for wide, narrow in pairwise(reversed(widths)):
        convolution = ReflectConv(wide, narrow, 3, bias=False)
        layers += [nn.Upsample(scale_factor=2), convolution, LayerInstanceNorm(narrow, eps), nn.ReLU()]
    return nn.Sequential(*layers, ReflectConv(widths[0], 3, 7, bias=False), nn.Tanh())


class AttentionGenerator(nn.Module):
    """Encoder, attention by an auxiliary classifier, and a decoder whose norms follow from what is attended to.

    With the paper's 64 filters and 4 blocks it has 10.590 M parameters in its light form, and 278.960 M in its full
    form for 256 x 256 pixels, 268 M of them in one layer of `Style`.

    Args:
        filters: Channels of the first layer.
        blocks: Residual blocks of the encoder, and adaptive ones of the decoder.
        size: Height and width of all images, for the full form; None is the light form, which takes any. Images
            whose sides 4 does not divide are mirrored beyond their border and cut back.
        eps: Of the norms.

    Source: Kim et al. 2020, arXiv:1907.10830; layers as in the authors' PyTorch code.
    """

    def __init__(self, filters: int = 64, blocks: int = 4, size: Size | None = None, eps: float = 1e-5) -> None:
        super().__init__()
        self.size = size
        widths = [filters * 2**level for level in range(DOWNSAMPLINGS + 1)]
        self.encoder = _encoder(widths, blocks, eps)
        self.attention = ClassAttention(widths[-1], nn.ReLU())
        self.style = Style(widths[-1], None if size is None else _positions(size))
        self.blocks = nn.ModuleList(AdaptiveBlock(widths[-1], eps) for _ in range(blocks))
        self.upsampler = _upsampler(widths, eps)

    def forward(self, images: Tensor) -> Tensor:
        """Images in [-1, 1], shape (N, 3, H, W); same shape and range out."""
        attended, _ = self.attend(images)
        return self.decode(attended, *images.shape[2:])

    def attend(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Attended features, and from which domain the auxiliary classifier takes the images to be.

        Args:
            images: In [-1, 1], shape (N, 3, H, W).

        Returns:
            Features that are nowhere negative, shape (N, 4 * filters, h, w), a feature for every 4 x 4 pixels; and
            logits of shape (N, 2): above 0 for images of the domain to be translated, below for the other.

        Raises:
            UsageError: The full form got images of a size it was not made for.
        """
        if self.size is not None and tuple(images.shape[2:]) != self.size:
            raise UsageError(wrong_size(self.size, *images.shape[2:]))
        features = self.encoder(pad_to_multiple(images, STRIDE, minimum=SMALLEST))
        attended, logits = self.attention(features)
        return attended, logits

    def decode(self, attended: Tensor, height: int, width: int) -> Tensor:
        """The translation of what `attend` found in images of a height and width, shape (N, 3, height, width)."""
        gamma, beta = self.style(attended)
        features = attended
        for block in self.blocks:
            features = block(features, gamma, beta)
        translated: Tensor = self.upsampler(features)
        return translated[..., :height, :width]


def wrong_size(expected: Size, height: int, width: int) -> str:
    """What to say of images that a generator of the full form cannot take."""
    return (
        f'size = "full": expected images of {expected[0]} x {expected[1]} pixels, the size of crop, but these are '
        f'{height} x {width}; set crop to the size of the images, or take size = "light", for images of any size'
    )


def _positions(size: Size) -> int:
    rows, columns = (-(-max(side, SMALLEST) // STRIDE) for side in size)
    return rows * columns


class AttentionDiscriminator(nn.Module):
    """A score for each patch of an image, from features weighed by an auxiliary classifier of its own.

    Of its `layers` 4x4 convolutions all but the last two have stride 2. 7 layers score patches of 286 x 286 pixels
    (53.130 M parameters at 64 filters), 5 layers patches of 70 x 70 (3.291 M).

    Args:
        filters: Channels of the first layer; doubled at each further layer.
        layers: Of 4x4 convolutions, 3 or more.

    Source: Kim et al. 2020, arXiv:1907.10830; layers as in the authors' PyTorch code.
    """

    def __init__(self, filters: int = 64, layers: int = 5) -> None:
        super().__init__()
        self.layers = layers
        widths = [3, *(filters * 2**level for level in range(layers - 1))]
        body: list[nn.Module] = []
        for level, (narrow, wide) in enumerate(pairwise(widths), start=1):
            body += [SpectralConv(narrow, wide, 4, stride=1 if level == layers - 1 else 2), nn.LeakyReLU(SLOPE)]
        self.body = nn.Sequential(*body)
        self.attention = ClassAttention(widths[-1], nn.LeakyReLU(SLOPE), spectral=True)
        self.head = SpectralConv(widths[-1], 1, 4, bias=False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of patches, shape (N, 1, h, w), and the auxiliary classifier's two, shape (N, 2).

        Args:
            images: In [-1, 1], shape (N, 3, H, W).
        """
        attended, logits = self.attention(self.body(images))
        return self.head(attended), logits

    def smallest_image(self) -> int:
        """Least height and width in pixels of which a score is left."""
        side: int = 3 * 2 ** (self.layers - 2)
        return side


def draw_weights(network: nn.Module, generator: torch.Generator) -> None:
    """Draw the weights of all convolutions and linear layers from N(0, 0.02^2) and set biases to 0.

    Source: the authors' TensorFlow code, taki0112/UGATIT, `ops.py`.
    """
    initialize(network, generator, DEVIATION)
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0.0, DEVIATION, generator=generator)


def clip_rho(network: nn.Module) -> None:
    """Bring all shares of instance norm in a network back into [0, 1]."""
    for module in network.modules():
        if isinstance(module, AdaptiveLayerInstanceNorm | LayerInstanceNorm):
            module.clip()


@torch.no_grad()
def attention_of(generator: AttentionGenerator, images: Tensor) -> Tensor:
    """Attended features of images in [-1, 1]; the generator is left in evaluation mode."""
    return generator.eval().attend(images)[0]
