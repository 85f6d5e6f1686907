"""Learning-rate schedules as pure functions of progress."""

from __future__ import annotations

import math
from collections.abc import Callable

Factor = Callable[[float], float]
"""From progress in [0, 1) to what the base learning rate is multiplied with."""


def linear(constant: float = 0.5) -> Factor:
    """1 for the share `constant` of the training, then linear to 0 (CycleGAN, arXiv:1703.10593, section 4)."""
    return lambda progress: min(1.0, (1 - progress) / max(1 - constant, 1e-12))


def cosine(constant: float = 0.0) -> Factor:
    """1 for the share `constant`, then half a cosine to 0 (SGDR, arXiv:1608.03983, equation 5, one period)."""
    return lambda progress: 0.5 * (1 + math.cos(math.pi * max(0.0, progress - constant) / (1 - constant)))


def poly(power: float = 0.9) -> Factor:
    """(1 - progress) ** power, from 1 to 0 (DeepLab, arXiv:1606.00915, section 4.1)."""
    return lambda progress: (1 - progress) ** power


def ending_at(factor: Factor, end: float) -> Factor:
    """A schedule from 1 to 0, stretched so that it falls from 1 to `end`.

    `ending_at(poly(), 0.01)` is the `PolyLR` of mmsegmentation's schedules (rate 0.01, `eta_min` 1e-4), which gets
    there one step earlier.
    """
    return lambda progress: end + (1 - end) * factor(progress)


def warmed_up(factor: Factor, share: float) -> Factor:
    """A schedule whose first `share` of the training is also multiplied with a linear rise from 0."""
    if share == 0:
        return factor
    return lambda progress: factor(progress) * min(1.0, progress / share)
