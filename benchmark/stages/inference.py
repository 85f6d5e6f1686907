"""Inference with fitted plugins: batch by batch, on the device, without gradients, outputs checked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from benchmark.api.imageset import ImageSet
from benchmark.api.segmenter import Segmenter
from benchmark.api.stage_context import StageContext
from benchmark.api.translator import Invertible, Translator
from benchmark.stages.contract_checks import check_images, check_predictions

if TYPE_CHECKING:
    from torch import Tensor

PIXELS_PER_BATCH = {"cpu": 1 << 18, "cuda": 1 << 21}
"""Bounds the memory of a batch at any image size; part of what `StageKind.format` stands for."""


def batches(images: ImageSet, context: StageContext) -> Iterator[range]:
    """Indices of a set in order, `PIXELS_PER_BATCH` at a time."""
    size = max(1, PIXELS_PER_BATCH[context.device] // math.prod(images.size))
    for start in range(0, len(images), size):
        yield range(start, min(start + size, len(images)))


def evenly_spaced(count: int, wanted: int) -> list[int]:
    """Indices of at most `wanted` of `count` things, spread over them; always the same ones.

    >>> evenly_spaced(10, 4)
    [0, 3, 6, 9]
    """
    number = min(wanted, count)
    steps = max(1, number - 1)
    return [round(index * (count - 1) / steps) for index in range(number)]


def on_device(context: StageContext, tensor: Tensor) -> Tensor:
    """A tensor where the stage computes."""
    return tensor.to(context.device, non_blocking=True)


def translate_batch(
    translator: Translator,
    images: Tensor,
    variant: int,
    context: StageContext,
    name: str,
    ids: Sequence[str] = (),
    *,
    inverse: bool = False,
) -> Tensor:
    """Translations of a batch; `ContractBroken` names the translator, and an image by id, if they are none.

    Args:
        translator: A fitted one; an `Invertible` one where `inverse` is true.
        images: Source images, as `Translator.translate` takes them.
        variant: Which of the possible outputs.
        context: Device.
        name: Of the translator, for errors.
        ids: Of the images, for errors.
        inverse: Apply the way back instead, which gives the look of the source.
    """
    import torch

    images = on_device(context, images)
    with torch.inference_mode():
        if inverse:
            assert isinstance(translator, Invertible)
            found = translator.inverse(images)
        else:
            found = translator.translate(images, variant=variant)
    check_images(found, images, f"translator '{name}'", ids)
    return found


def predict_batch(
    segmenter: Segmenter, images: ImageSet, batch: Sequence[int], context: StageContext, name: str
) -> Tensor:
    """Predicted train ids of some images of a set; errors as in `translate_batch`."""
    import torch

    with torch.inference_mode():
        found = segmenter.predict(on_device(context, images.image_batch(batch)))
    check_predictions(found, (len(batch), *images.size), len(images.classes), f"segmenter '{name}'")
    return found
