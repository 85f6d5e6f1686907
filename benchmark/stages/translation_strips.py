"""Strips of named columns: what a translator did to a few images, kept for people to look at."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING

from benchmark.api.imageset import ImageSet
from benchmark.api.stage_context import StageContext
from benchmark.api.translator import HasAttentionMaps, HasPixelAttention, Invertible, MultiVariant, Translator
from benchmark.registry.import_string import one_line_with_place
from benchmark.stages.contract_checks import check_images, check_maps
from benchmark.stages.heatmap import draw_crosshair, overlay_heatmap
from benchmark.stages.inference import evenly_spaced, on_device, translate_batch

if TYPE_CHECKING:
    from torch import Tensor

    Panel = Callable[[], Tensor]

log = logging.getLogger("bench")

SHOWN = 4
"""Images per stage that are kept for people to look at."""
SHOWN_VARIANTS = 8
"""So many are shown, however many are stored."""
POINTS = ((1 / 2, 1 / 2), (1 / 4, 1 / 4), (3 / 4, 3 / 4), (3 / 4, 1 / 4))
"""Where the cross stands in one picture after the other, as shares of height and width."""


def save_strips(translator: Translator, source: ImageSet, context: StageContext, name: str) -> None:
    """Keep for each of a few source images a strip `translation`, and a strip `variants` where there are several.

    Pictures are no results: a column that cannot be drawn is left out, with a warning in the log.

    Args:
        translator: Fitted, on the device of the run; what it can do decides on the columns.
        source: Images to show, spread over the set.
        context: Where pictures go.
        name: Of the plugin, for errors.
    """
    for number, index in enumerate(evenly_spaced(len(source), SHOWN)):
        images = on_device(context, source.image_batch([index]))
        panels = _translation(translator, images, POINTS[number], context, name)
        _save_strip(context, f"translation-{number}", images, panels)
        if isinstance(translator, MultiVariant) and translator.variants > 1:
            _save_strip(context, f"variants-{number}", images, _variants(translator, images, context, name))


def _save_strip(context: StageContext, file: str, images: Tensor, panels: Mapping[str, Panel]) -> None:
    import torch

    columns = {"source": images}
    for column, draw in panels.items():
        try:
            with torch.inference_mode():
                columns[column] = draw()
        except Exception as error:  # a third party's code
            log.warning("%s: column %r cannot be drawn: %s", file, column, one_line_with_place(error))
    context.images(file, torch.cat(list(columns.values()), dim=3)[0], columns=tuple(columns))


def _translation(
    translator: Translator, images: Tensor, point: tuple[float, float], context: StageContext, name: str
) -> dict[str, Panel]:
    """How the panels of one image are drawn, shape (1, 3, H, W) each, by name."""

    @cache
    def translated() -> Tensor:
        return translate_batch(translator, images, 0, context, name)

    panels: dict[str, Panel] = {"translated": translated}
    if isinstance(translator, Invertible):

        def cycled() -> Tensor:
            found = translator.inverse(translated())
            check_images(found, images, f"translator '{name}', inverse,")
            return found

        panels["cycled"] = cycled
    if isinstance(translator, HasAttentionMaps):

        def attention() -> Tensor:
            maps = translator.attention_maps(images)
            check_maps(maps, images, f"translator '{name}', attention_maps,")
            return overlay_heatmap(images, maps)

        panels["attention"] = attention
    if isinstance(translator, HasPixelAttention):
        panels["attention from +"] = lambda: _attention_from_pixel(translator, images, point, name)
    return panels


def _attention_from_pixel(
    translator: HasPixelAttention, images: Tensor, point: tuple[float, float], name: str
) -> Tensor:
    """Where one pixel looks, relative to where it looks most: weights over many places are all small."""
    row, column = (int(share * side) for share, side in zip(point, images.shape[2:], strict=True))
    maps = translator.attention_from(images, row, column)
    check_maps(maps, images, f"translator '{name}', attention_from,")
    return draw_crosshair(overlay_heatmap(images, maps / maps.amax().clamp_min(1e-12)), row, column)


def _variants(translator: Translator, images: Tensor, context: StageContext, name: str) -> dict[str, Panel]:
    numbers = range(SHOWN_VARIANTS)
    return {f"variant {k}": partial(translate_batch, translator, images, k, context, name) for k in numbers}
