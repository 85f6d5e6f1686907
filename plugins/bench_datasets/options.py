"""Options of the shipped data sets, in a module light enough for every command to import."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from benchmark import PluginOptions

Shade = Annotated[int, Field(ge=0, le=255)]
Look = Literal[
    "game",
    "camera",
    "game-colour",
    "game-texture",
    "game-light",
    "game-weather",
    "game-sensor",
    "game-layout",
    "game-all",
]
Half = Literal["whole", "left", "right"]


class StreetsOptions(PluginOptions):
    """Options of `streets`."""

    look: Look = Field(
        "camera",
        description="Which domain to paint: a game, a camera, or the game with one cause of a shift, or with all.",
    )
    view: Literal["image", "label"] = Field(
        "image", description="What a sample shows: the painted scene, or its label map in the class palette."
    )
    size: tuple[Annotated[int, Field(ge=16)], Annotated[int, Field(ge=16)]] = Field(
        (64, 128), description="Height and width at which scenes are drawn.", json_schema_extra={"unit": "pixels"}
    )
    train: int = Field(300, ge=0, description="Scenes of the split `train`.", json_schema_extra={"unit": "images"})
    val: int = Field(60, ge=0, description="Scenes of the split `val`.", json_schema_extra={"unit": "images"})
    seed: int = Field(0, ge=0, description="What all scenes are drawn from.")


def _no_labels(value: object) -> object:
    """`false`, as users write it for a set without labels, means the same as an empty text."""
    return "" if value is False else value


Folders = str | Annotated[tuple[str, ...], Field(min_length=1)]
Labels = Annotated[Folders, BeforeValidator(_no_labels)]


class SplitOptions(PluginOptions):
    """One split of a `folder`; what is left out is taken from the data set."""

    images: Folders = Field("", description="Folder or glob of the images, relative to the root, or a list of such.")
    labels: Labels | None = Field(
        None,
        description='The same for the labels; "" or false: this split has none; left out: those of the data set.',
    )
    list: str = Field("", description="Text file, relative to the root, with one image a line: its stem or its path.")
    include: tuple[str, ...] = Field(
        (), description="Patterns of stems or ids, such as 0006R0_*: only images that match one; empty: all."
    )
    exclude: tuple[str, ...] = Field((), description="Patterns of stems or ids: images that match one are left out.")


class FolderOptions(PluginOptions):
    """Options of `folder`."""

    root: str = Field(
        description="Folder of the data set; a relative one is looked up under $BENCH_DATA, then here.",
        json_schema_extra={"affects_results": False},  # its files do, and their content is hashed
    )
    images: Folders = Field(
        "images", description="Folder (searched with its subfolders) or glob, relative to the root, or a list of such."
    )
    labels: Labels = Field("labels", description='The same for the labels; "" or false: a set without labels.')
    image_suffix: str = Field("", description="What image names add to the common stem, such as _leftImg8bit.")
    label_suffix: str = Field("", description="What label names add to it, such as _gtFine_labelIds.")
    half: Half = Field(
        "whole", description="Which half of each image file is the image, where two lie side by side in one file."
    )
    label_half: Half = Field("whole", description="The same for label files, which may be the image files themselves.")
    splits: dict[str, SplitOptions] = Field(min_length=1, description="Splits by name, by folder or by list file.")
    exclude: tuple[str, ...] = Field((), description="Stems of images to leave out.")
    classes: tuple[str, ...] = Field(
        min_length=1, max_length=250, description="Class names; their order is the train id."
    )
    palette: tuple[tuple[Shade, Shade, Shade], ...] = Field((), description="One RGB colour per class; empty: made up.")
    mapping: dict[str, str] = Field(
        {},
        description="Native id (or colour 'r,g,b') to class name or 'ignore'; '*' stands for all others. "
        "Empty: labels hold train ids and 255 for ignore.",
    )
    label_format: Literal["ids", "colour", "first-channel"] = Field(
        "ids",
        description="ids: one channel or palette indices; colour: RGB codes; first-channel: ids in the first of "
        "several channels of 8 or 16 bits.",
    )
