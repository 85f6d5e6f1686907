"""Self-attention over the places of a feature map."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized

CHUNK = 1 << 22
"""Weights of attention that are held at once where they have to be seen."""


class SelfAttention(nn.Module):
    """Adds to each place of a feature map what it finds at the places that resemble it.

    With queries f, keys g and values h of x, all linear in the channels of a place, place j receives
    `y_j = gamma v(sum_i beta_ji h(x_i)) + x_j`, where `beta_j` is the softmax over i of `g(x_i) . f(x_j)`, without the
    usual scale. `gamma` starts at 0, so that the block changes nothing at first.

    Args:
        channels: Of the feature map.
        reduction: Queries, keys and values have `channels / reduction` channels, at least one.
        keys: Most places that are looked at. Beyond it, keys and values are pooled: their maxima over 2 x 2 places, as
            often as necessary.
        spectral: Whether the four maps have spectral norm (Miyato et al. 2018, arXiv:1802.05957).

    Source: Zhang et al. 2019, arXiv:1805.08318, section 3, equations 1 to 3 (with the paper's names of f and g
    exchanged, for which the sum is the same but for its order).
    """

    def __init__(self, channels: int, reduction: int = 8, keys: int = 4096, *, spectral: bool = False) -> None:
        super().__init__()
        inner = max(1, channels // reduction)
        self.keys = keys
        self.query, self.key, self.value = (nn.Linear(channels, inner) for _ in range(3))
        self.out = nn.Linear(inner, channels)
        self.gamma = nn.Parameter(torch.zeros(()))
        if spectral:
            for layer in (self.query, self.key, self.value, self.out):
                spectral_norm(layer)

    def draw_weights(self, generator: torch.Generator) -> None:
        """Draw all weights anew (Glorot and Bengio 2010, as SAGAN's), biases 0, gamma 0."""
        for layer in (self.query, self.key, self.value, self.out):
            if is_parametrized(layer):
                parametrizations: Any = layer.parametrizations
                weight: Tensor = parametrizations.weight.original
                for vector in parametrizations.weight.buffers():  # estimates of the first singular vectors
                    F.normalize(vector.normal_(generator=generator), dim=0, out=vector)
            else:
                weight = layer.weight
            nn.init.xavier_uniform_(weight, generator=generator)
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.gamma)

    def forward(self, features: Tensor) -> Tensor:
        """Features of shape (N, C, H, W), same shape out."""
        height, width = features.shape[2:]
        # fused kernels, which never hold all weights of attention, take images, heads, places and channels
        queries, keys, values = (x.unsqueeze(1) for x in self._projected(features))
        found = F.scaled_dot_product_attention(queries, keys, values, scale=1.0).squeeze(1)
        added: Tensor = self.out(found).unflatten(1, (height, width)).permute(0, 3, 1, 2)
        return features + self.gamma.to(added.dtype) * added

    @torch.no_grad()
    def attention_received_map(self, features: Tensor) -> Tensor:
        """How much each place is looked at, a mean over all places that look.

        Returns:
            float32, shape (N, 1, h, w), adding up to 1; h and w are those of the pooled keys.
        """
        queries, keys, _ = self._projected(features)
        rows = max(1, CHUNK // (len(keys) * keys.shape[1]))
        received = [_weights(part, keys).sum(1) for part in queries.split(rows, 1)]
        mean: Tensor = torch.stack(received).sum(0) / queries.shape[1]
        return _as_map(mean, self._key_size(features))

    @torch.no_grad()
    def attention_of_query(self, features: Tensor, row: int, column: int) -> Tensor:
        """Where the place (row, column) of the features looks; form as of `attention_received_map`."""
        queries, keys, _ = self._projected(features)
        place = row * features.shape[3] + column
        weights = _weights(queries[:, place : place + 1], keys)[:, 0]
        return _as_map(weights, self._key_size(features))

    def _projected(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each of shape (N, places, inner)."""
        key_features = features
        for _ in range(self._poolings(features)):
            key_features = F.max_pool2d(key_features, 2, ceil_mode=True)
        pixels, pooled = (x.permute(0, 2, 3, 1).flatten(1, 2) for x in (features, key_features))
        return self.query(pixels), self.key(pooled), self.value(pooled)

    def _poolings(self, features: Tensor) -> int:
        height, width = features.shape[2:]
        count = 0
        while height * width > self.keys:
            height, width, count = -(-height // 2), -(-width // 2), count + 1
        return count

    def _key_size(self, features: Tensor) -> tuple[int, int]:
        factor = 2 ** self._poolings(features)
        return -(-features.shape[2] // factor), -(-features.shape[3] // factor)


def _as_map(values: Tensor, size: tuple[int, int]) -> Tensor:
    """Values of shape (N, places) as one-channel images of a height and width."""
    return values.view(-1, 1, *size)


def _weights(queries: Tensor, keys: Tensor) -> Tensor:
    return (queries.float() @ keys.float().transpose(1, 2)).softmax(2)
