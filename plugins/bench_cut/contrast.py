"""PatchNCE: a patch of the translation must match its source patch better than others."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

NORM_EPS = 1e-7
"""Added to the length of a vector before division by it, as in `Normalize` of the reference code."""


def sample_patch_ids(features: Sequence[Tensor], count: int, generator: Generator) -> list[Tensor]:
    """Different places of each layer, the same in all its images.

    Args:
        features: Of each layer, shape (N, C, H, W).
        count: How many places; all of them where there are fewer.
        generator: On the CPU, so that a seed gives the same places on any device.

    Returns:
        For each layer, indices into its H x W places, shape (min(count, H * W),), on its device.
    """
    places = [torch.randperm(layer[0, 0].numel(), generator=generator)[:count] for layer in features]
    return [chosen.to(layer.device) for chosen, layer in zip(places, features, strict=True)]


def gather_patches(features: Tensor, places: Tensor) -> Tensor:
    """Features of shape (N, C, H, W) at places of shape (S,): shape (N, S, C)."""
    return features.permute(0, 2, 3, 1).flatten(1, 2).index_select(1, places)


def unit_vectors(vectors: Tensor) -> Tensor:
    """Vectors over their length plus `NORM_EPS`, along the last dimension, float32; tiny ones stay shorter than 1.

    With CUT's initial weights the vectors of its first layers are 2e-5 long at the median: there it takes 0.5 %.
    """
    exact = vectors.float()
    lengths: Tensor = torch.linalg.vector_norm(exact, dim=-1, keepdim=True)
    return exact / (lengths + NORM_EPS)


def patch_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of finding the key at a query's own place among the keys of the same image.

    All keys of an image but the one at the query's place are negatives; those of other images have no part.

    Args:
        queries: Unit vectors of the translation, shape (N, S, C).
        keys: Unit vectors of what was translated, at the same places, same shape. They get no gradient.
        temperature: Divides the cosine similarities.

    Returns:
        For each image a value in float32, shape (N,), the mean over its queries; log(S) where all match alike.

    Source: Park et al. 2020, arXiv:2007.15651, equations 2 and 3, as a mean over places instead of a sum.
    """
    with torch.autocast(queries.device.type, enabled=False):
        similarities = queries.float() @ keys.detach().float().transpose(1, 2) / temperature
        own = torch.arange(queries.shape[1], device=queries.device).expand(queries.shape[:2])
        losses = F.cross_entropy(similarities.flatten(0, 1), own.flatten(), reduction="none")
        return losses.view_as(own).mean(1)
