"""Options of the colour translators, in a module that loads no heavy library."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from benchmark import PluginOptions


class ReinhardOptions(PluginOptions):
    """Options of `reinhard`."""

    statistics: Literal["dataset", "image"] = Field(
        "dataset",
        description="Give each image the average mean and deviation of all target images, or those of one of them, "
        "chosen by a checksum of the image to be translated.",
    )


class HistogramOptions(PluginOptions):
    """Options of `histogram`."""

    statistics: Literal["dataset", "image"] = Field(
        "dataset",
        description="Match each image to the histogram of all target images together, or to that of one of them, "
        "chosen by a checksum of the image to be translated.",
    )
