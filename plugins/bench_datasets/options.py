"""Options of the shipped data sets, in a module light enough for every command to import."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from benchmark import PluginOptions


class StreetsOptions(PluginOptions):
    """Options of `streets`."""

    look: Literal["game", "camera"] = Field("camera", description="Which of the two domains to paint.")
    view: Literal["image", "label"] = Field(
        "image", description="What a sample shows: the painted scene, or its label map in the class palette."
    )
    size: tuple[int, int] = Field(
        (64, 128), description="Height and width at which scenes are drawn.", json_schema_extra={"unit": "pixels"}
    )
    train: int = Field(300, ge=0, description="Scenes of the split `train`.", json_schema_extra={"unit": "images"})
    val: int = Field(60, ge=0, description="Scenes of the split `val`.", json_schema_extra={"unit": "images"})
    seed: int = Field(0, ge=0, description="What all scenes are drawn from.")
