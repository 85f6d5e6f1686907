"""The kernel distance of two sets of features, without bias for small ones."""

from __future__ import annotations

from torch import Tensor

ROWS = 1024
"""Rows of the kernel matrix that are held at a time."""


def polynomial_mmd(reference: Tensor, translated: Tensor) -> float:
    """Unbiased estimate of the squared maximum mean discrepancy, kernel (x'y / d + 1)^3.

    All pairs are used, where others average over random subsets of the same estimate: no draw, less variance.

    Args:
        reference: Shape (n, d), n at least 2.
        translated: Shape (m, d), m at least 2; m may differ from n.

    Returns:
        A number that is 0 on average for two samples of one distribution, so at times below 0.

    Source: Binkowski et al. 2018, arXiv:1801.01401; the estimate is Gretton et al. 2012, JMLR 13, Lemma 6.
    """
    first, second = reference.double(), translated.double()
    between = _kernel_sum(first, second) / (len(first) * len(second))
    return _mean_within(first) + _mean_within(second) - 2 * between


def _mean_within(features: Tensor) -> float:
    """Mean of the kernel over all pairs of different images of one set."""
    count, dimensions = features.shape
    with_itself = _kernel(features.square().sum(dim=1), dimensions).sum().item()
    return (_kernel_sum(features, features) - with_itself) / (count * (count - 1))


def _kernel_sum(first: Tensor, second: Tensor) -> float:
    dimensions = first.shape[1]
    return sum(_kernel(rows @ second.T, dimensions).sum().item() for rows in first.split(ROWS))


def _kernel(products: Tensor, dimensions: int) -> Tensor:
    return (products / dimensions + 1) ** 3
