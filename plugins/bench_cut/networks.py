"""The networks of CUT: a generator that also returns features, and heads that make its features comparable."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bench_cut.contrast import gather_patches, unit_vectors
from bench_cut.options import CUTOptions
from bench_gan.networks import PatchDiscriminator, ResnetGenerator


class FeatureGenerator(ResnetGenerator):
    """A generator that also gives what some of its layers say.

    These are the pixels, the output of each halving convolution before its norm, and that of some residual blocks.
    With two halvings, antialiased, and blocks 1 and 5 they are layers 0, 4, 8, 12 and 16 of the reference code.

    Args:
        options: Sizes, and which residual blocks give features.

    Source: Park et al. 2020, arXiv:2007.15651, section 3 and appendix C.
    """

    def __init__(self, options: CUTOptions) -> None:
        super().__init__(
            options.filters,
            options.blocks,
            options.downsamplings,
            options.upsampling,
            options.norm_eps,
            options.antialias,
        )
        self._listened_blocks = sorted(options.contrast_blocks)

    def feature_layers(self) -> list[nn.Module]:
        """The layers whose outputs are features, in their order; pixels come before them."""
        convolutions = [layer for layer in self.encoder if isinstance(layer, nn.Conv2d)]
        return [*convolutions[1:], *(self.blocks[number - 1] for number in self._listened_blocks)]

    def widths(self) -> list[int]:
        """Channels of the features of each layer."""
        convolutions = [layer.out_channels for layer in self.encoder if isinstance(layer, nn.Conv2d)]
        return [3, *convolutions[1:], *(convolutions[-1] for _ in self._listened_blocks)]

    def features(self, images: Tensor) -> list[Tensor]:
        """Features of images that `pad_to_stride` leaves as they are, each of shape (N, C, H, W)."""
        return self._walk(images)[0]

    def forward_with_features(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The translation of images that `pad_to_stride` leaves as they are, and their features, in one pass."""
        features, rest = self._walk(images)
        hidden = features[-1]
        for layer in rest:
            hidden = layer(hidden)
        return self.decoder(hidden), features

    def _walk(self, images: Tensor) -> tuple[list[Tensor], list[nn.Module]]:
        """Features, and the layers before the decoder that the last of them has still to pass."""
        feature_layers, layers = self.feature_layers(), [*self.encoder, *self.blocks]
        features, hidden = [images], images
        reached = layers.index(feature_layers[-1]) + 1 if feature_layers else 0
        for layer in layers[:reached]:
            hidden = layer(hidden)
            if layer in feature_layers:
                features.append(hidden)
        return features, layers[reached:]


class Heads(nn.Module):
    """For each layer of features a perceptron of two layers, whose outputs have length 1.

    All are made at once from known widths: their weights depend on the seed alone, and every checkpoint has them.

    Args:
        widths: Channels of the features of each layer.
        units: Of both layers of each perceptron.

    Source: Park et al. 2020, arXiv:2007.15651, section 3 ("H_l") and appendix C.
    """

    def __init__(self, widths: Sequence[int], units: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(width, units), nn.ReLU(), nn.Linear(units, units)) for width in widths
        )

    def forward(self, features: Sequence[Tensor], places: Sequence[Tensor]) -> list[Tensor]:
        """The `unit_vectors` of each layer, shape (N, S, units), at the places that `sample_patch_ids` gave."""
        vectors = [gather_patches(layer, chosen) for layer, chosen in zip(features, places, strict=True)]
        return [unit_vectors(head(each)) for head, each in zip(self.layers, vectors, strict=True)]


def make_generators(options: CUTOptions) -> nn.ModuleDict:
    """The generator `target` and the heads `heads`, which one optimizer trains."""
    generator = FeatureGenerator(options)
    return nn.ModuleDict({"target": generator, "heads": Heads(generator.widths(), options.head_width)})


def make_discriminators(options: CUTOptions) -> nn.ModuleDict:
    """The discriminator `target`."""
    sizes = options.discriminator_filters, options.discriminator_layers, options.norm_eps
    return nn.ModuleDict({"target": PatchDiscriminator(*sizes, antialias=options.antialias)})


def initialize_glorot(network: nn.Module, generator: torch.Generator, gain: float) -> None:
    """Draw all weights of convolutions and linear layers by Glorot's normal rule, and set their biases to 0.

    Source: Glorot and Bengio 2010, equation 12 as a normal distribution, times `gain`; the reference code of CUT.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.xavier_normal_(module.weight, gain, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
