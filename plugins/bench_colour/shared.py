"""What the colour translators share: a walk over the target images, the choice of one, and measures kept on disk."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from bench_engine.images import checksums
from benchmark import ImageSet, StageContext, StoreError

IMAGES_PER_BATCH, PIXELS_PER_BATCH = 64, 2**23


def image_batches(images: ImageSet, context: StageContext) -> Iterator[Tensor]:
    """All images in order, shape (n, 3, H, W), on the run's device; progress is reported."""
    size = max(1, min(IMAGES_PER_BATCH, PIXELS_PER_BATCH // math.prod(images.size)))
    for start in range(0, len(images), size):
        indices = range(start, min(start + size, len(images)))
        yield images.image_batch(indices).to(context.device)
        context.progress(indices.stop, len(images))


def chosen(images: Tensor, count: int, offset: int = 0) -> list[int]:
    """For each image the number of a target image, which depends on nothing but the image's 8-bit pixels.

    Args:
        images: RGB in [0, 1], shape (N, 3, H, W).
        count: How many target images there are.
        offset: Added to the checksum, for another choice.
    """
    return [(number + offset) % count for number in checksums(images)]


def read_measures(path: Path, *names: str) -> list[Tensor]:
    """The named tensors of a safetensors file; `StoreError` when one of them is not there."""
    try:
        stored = load_file(path)
        return [stored[name] for name in names]
    except (OSError, SafetensorError, KeyError) as error:
        raise StoreError(f"{path}: expected colour statistics ({', '.join(names)}), but {error}; fit again") from error
