"""Strips of named columns: what a translator did to a few images, kept for people to look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from benchmark.api.imageset import ImageSet
from benchmark.api.stage_context import StageContext
from benchmark.api.translator import HasAttentionMaps, HasPixelAttention, Invertible, MultiVariant, Translator
from benchmark.stages.contract_checks import check_images, check_maps
from benchmark.stages.heatmap import draw_crosshair, overlay_heatmap
from benchmark.stages.inference import evenly_spaced, on_device, translate_batch

if TYPE_CHECKING:
    from torch import Tensor

SHOWN = 4
"""Images per stage that are kept for people to look at."""
SHOWN_VARIANTS = 8
"""So many are shown, however many are stored."""
POINTS = ((1 / 2, 1 / 2), (1 / 4, 1 / 4), (3 / 4, 3 / 4), (3 / 4, 1 / 4))
"""Where the cross stands in one picture after the other, as shares of height and width."""


def save_strips(translator: Translator, source: ImageSet, context: StageContext, name: str) -> None:
    """Keep for each of a few source images a strip `translation`, and a strip `variants` where there are several.

    Args:
        translator: Fitted, on the device of the run; what it can do decides on the columns.
        source: Images to show, spread over the set.
        context: Where pictures go.
        name: Of the plugin, for errors.
    """
    for number, index in enumerate(evenly_spaced(len(source), SHOWN)):
        images = on_device(context, source.image_batch([index]))
        _save_strip(context, f"translation-{number}", _translation(translator, images, POINTS[number], context, name))
        if isinstance(translator, MultiVariant) and translator.variants > 1:
            _save_strip(context, f"variants-{number}", _variants(translator, images, context, name))


def _save_strip(context: StageContext, file: str, columns: Mapping[str, Tensor]) -> None:
    import torch

    context.images(file, torch.cat(list(columns.values()), dim=3)[0], columns=tuple(columns))


def _translation(
    translator: Translator, images: Tensor, point: tuple[float, float], context: StageContext, name: str
) -> dict[str, Tensor]:
    """Panels of one image, shape (1, 3, H, W) each, by name."""
    import torch

    columns = {"source": images, "translated": translate_batch(translator, images, 0, context, name)}
    with torch.inference_mode():
        if isinstance(translator, Invertible):
            columns["cycled"] = translator.inverse(columns["translated"])
            check_images(columns["cycled"], images, f"translator '{name}', inverse,")
        if isinstance(translator, HasAttentionMaps):
            maps = translator.attention_maps(images)
            check_maps(maps, images, f"translator '{name}', attention_maps,")
            columns["attention"] = overlay_heatmap(images, maps)
        if isinstance(translator, HasPixelAttention):
            columns["attention from +"] = _attention_from_pixel(translator, images, point, name)
    return columns


def _attention_from_pixel(
    translator: HasPixelAttention, images: Tensor, point: tuple[float, float], name: str
) -> Tensor:
    """Where one pixel looks, relative to where it looks most: weights over many places are all small."""
    row, column = (int(share * side) for share, side in zip(point, images.shape[2:], strict=True))
    maps = translator.attention_from(images, row, column)
    check_maps(maps, images, f"translator '{name}', attention_from,")
    return draw_crosshair(overlay_heatmap(images, maps / maps.amax().clamp_min(1e-12)), row, column)


def _variants(translator: Translator, images: Tensor, context: StageContext, name: str) -> dict[str, Tensor]:
    columns = {f"variant {k}": translate_batch(translator, images, k, context, name) for k in range(SHOWN_VARIANTS)}
    return {"source": images} | columns
