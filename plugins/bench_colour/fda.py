"""Fourier domain adaptation: the look of a target image, taken from the amplitudes of its lowest frequencies alone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import ClassVar

import torch
from safetensors.torch import save_file
from torch import Tensor

from bench_colour.options import FDAOptions
from bench_colour.shared import chosen, image_batches, read_measures
from benchmark import PluginOptions, StageContext, Translator
from benchmark.api.imageset import ImageSet

AMPLITUDES, FILE = "amplitudes", "amplitudes.safetensors"

NOTHING = 1e-9
"""An amplitude (as a share of full brightness) below this is rounding: no 8-bit image reaches it but by accident."""


def half_side(size: tuple[int, int], beta: float) -> int:
    """b = floor(beta * min(H, W)): the window holds the frequencies -b to b, cycles per image, in both directions.

    >>> half_side((64, 128), beta=0.05)
    3

    Source: Yang and Soatto 2020, equation 2, has a window of beta * H by beta * W; with the shorter side in both
    directions, as in the authors' program, it is a square.
    """
    return math.floor(min(size) * beta)


def low_amplitudes(images: Tensor, half: int) -> Tensor:
    """Amplitudes of the lowest frequencies, divided by the number of pixels, so that they hold for any image size.

    Args:
        images: Shape (N, 3, H, W).
        half: b, at most (min(H, W) - 1) // 2.

    Returns:
        float64, shape (N, 3, 2b + 1, b + 1): rows are the vertical frequencies -b to b, columns the horizontal ones
        0 to b. The rest of the window mirrors these, as images are real.
    """
    return _spectrum(images)[..., _rows(half), : half + 1].abs()


def with_low_amplitudes(images: Tensor, amplitudes: Tensor) -> Tensor:
    r"""Give images other amplitudes at the lowest frequencies, and leave the phase and all other amplitudes.

    x^{s \to t} = F^{-1}(M_\beta F^A(x^t) + (1 - M_\beta) F^A(x^s), F^P(x^s)), with F^A and F^P amplitude and phase of
    the Fourier transform F, and M_\beta the mask that is 1 at the frequencies -b to b, where 0 is the centre.

    Where an image has no amplitude, it has no phase to keep either: such a frequency stays empty. The mean colour,
    frequency 0, has phase 0 in any image and is always given.

    Args:
        images: Shape (N, 3, H, W); the scale does not matter, as the transform is linear.
        amplitudes: Of the target, as `low_amplitudes` gives them, with 2b + 1 at most min(H, W).

    Returns:
        Shape (N, 3, H, W), not cut to [0, 1].

    Source: Yang and Soatto 2020, equation 3. The authors' program has two versions. This one agrees with its numpy
    version, whose window is -b to b as in the formula. Its torch version, which its training calls, fills -b to b - 1:
    of the two mirrored frequencies -b and b it changes one alone, and with b = 0 not even the mean colour.
    """
    spectrum, rows = _spectrum(images), _rows(amplitudes.shape[3] - 1)
    low = spectrum[..., rows, : amplitudes.shape[3]]
    own = low.abs()
    phase = torch.where(own > NOTHING, low / own, 0)
    phase[..., len(rows) // 2, 0] = 1
    spectrum[..., rows, : amplitudes.shape[3]] = phase * amplitudes
    translated: Tensor = torch.fft.irfft2(spectrum, s=images.shape[2:], norm="forward")
    return translated.to(images.dtype)


class FDA(Translator):
    """Fourier domain adaptation, image by image; each variant takes the amplitudes of another target image.

    The window is set by the size of the target images. At another size the same frequencies, counted in cycles per
    image, are exchanged, as far as the image has them: an image and its enlargement get one look.

    Source: Yang and Soatto 2020, "FDA: Fourier Domain Adaptation for Semantic Segmentation", arXiv:2004.05498. The
    paper draws a target image in each training step; here as many as there are variants are drawn beforehand.
    """

    Options: ClassVar[type[PluginOptions]] = FDAOptions
    options: FDAOptions

    def __init__(self, options: FDAOptions) -> None:
        super().__init__(options)
        self._target = torch.zeros(1, 3, 1, 1)

    @property
    def variants(self) -> int:
        """How many target images each source image is given the look of."""
        return self.options.variants

    def fit(self, source: ImageSet, target: ImageSet, context: StageContext) -> None:
        """Measure the target images; the record says how far the window reaches (`window_half_side`)."""
        half = half_side(target.size, self.options.beta)
        context.report(window_half_side=half)
        self._target = torch.cat(
            [low_amplitudes(images, half).float().cpu() for images in image_batches(target, context)]
        )

    def translate(self, images: Tensor, variant: int = 0) -> Tensor:
        """Source images in the look of target images, chosen by checksum and variant, whatever batch they come in.

        The variants of one image take target images at equal distances in their order: never one twice, as long as
        there are as many as variants.
        """
        count = len(self._target)
        rows = chosen(images, count, offset=variant * max(1, count // self.variants))
        amplitudes = _centre(self._target[rows], (min(images.shape[2:]) - 1) // 2)
        return with_low_amplitudes(images, amplitudes.to(images.device)).clamp(0, 1)

    def save(self, folder: Path) -> None:
        """Write the amplitudes."""
        save_file({AMPLITUDES: self._target}, folder / FILE)

    def load(self, folder: Path) -> None:
        """Read the amplitudes; `StoreError` when they are not there."""
        (self._target,) = read_measures(folder / FILE, AMPLITUDES)


def _spectrum(images: Tensor) -> Tensor:
    # In float64, so that a frequency that an image does not hold can be told from a faint one.
    spectrum: Tensor = torch.fft.rfft2(images.double(), norm="forward")
    return spectrum


def _rows(half: int) -> list[int]:
    return list(range(-half, half + 1))


def _centre(amplitudes: Tensor, most: int) -> Tensor:
    """The frequencies up to `most` of those that `low_amplitudes` gave."""
    half = amplitudes.shape[3] - 1
    kept = min(half, most)
    return amplitudes[..., half - kept : half + kept + 1, : kept + 1]
