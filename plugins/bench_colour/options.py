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


class FDAOptions(PluginOptions):
    """Options of `fda`."""

    beta: float = Field(
        0.01,
        gt=0,
        lt=0.5,
        description="Half side of the window of low frequencies that take the target's amplitude, as a share of the "
        "shorter side of the target images, rounded down to whole frequencies. Where that gives 0 (for 0.01: below "
        "100 pixels), only the mean colour is changed. The paper has 0.01, 0.05 and 0.09.",
    )
    variants: int = Field(
        4,
        ge=1,
        description="Translations stored of each image, each in the look of another target image; the paper draws "
        "one anew in each training step.",
    )
