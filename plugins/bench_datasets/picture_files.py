"""Opens picture files of users, whatever they hold: refused with a reason, or read as a viewer shows them."""

from __future__ import annotations

import stat
from os import stat_result
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from benchmark import DataError

FORMATS = ("PNG", "JPEG", "BMP", "PPM", "TIFF", "WEBP")
"""Formats that PIL may read. Others are not tried: for EPS, whatever the file's name, it would start a program."""

ORIENTATION = 0x0112
"""The EXIF tag that says how a camera was held."""

LEAST_SHADES = 16
"""An image of 16 bits none of whose upper bytes reaches this is refused: it would be all but black."""

KINDS = {
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a named pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}


class Picture(NamedTuple):
    """A decoded picture, turned as viewers show it.

    Attributes:
        pixels: What PIL holds, of any mode.
        format: PIL's name of the file's format.
        deep: The file has 16 bits a channel.
        orientation: The EXIF orientation it had in the file; 1 or 0 where it was not turned.
    """

    pixels: Image.Image
    format: str
    deep: bool
    orientation: int


def regular_status(file: Path) -> stat_result:
    """The status of a file, links followed; `DataError` for what is missing, or would block or never end when read."""
    try:
        status = file.stat()
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        link = f", a link to {file.readlink()}," if file.is_symlink() else ""
        raise DataError(f"{file}{link} cannot be read ({reason}); put the file back") from error
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for is_kind, name in KINDS.items() if is_kind(status.st_mode)), "something else")
        raise DataError(f"{file}: a regular file was expected, but it is {kind}; replace it, or move it elsewhere")
    return status


def open_picture(file: Path) -> Picture:
    """Decode a picture; `DataError` for a file that is no whole one, or larger than PIL's limit of pixels."""
    regular_status(file)
    try:
        with Image.open(file, formats=FORMATS) as picture:
            deep, form = ";16" in str(picture.tile), str(picture.format)
            orientation = int(picture.getexif().get(ORIENTATION, 1))
            picture.load()
            return Picture(ImageOps.exif_transpose(picture), form, deep, orientation)
    except UnidentifiedImageError as error:
        raise no_picture(file, f"it is damaged, or none of {', '.join(FORMATS)}") from error
    except (OSError, SyntaxError, ValueError, TypeError, EOFError, Image.DecompressionBombError) as error:
        raise no_picture(file, error) from error


def read_rgb(file: Path) -> NDArray[np.uint8]:
    """A picture in 8-bit RGB, shape (H, W, 3).

    Grey becomes RGB, an alpha channel is dropped, of 16 bits the upper 8 are kept.

    Raises:
        DataError: It is no whole picture; its pixels are floats or 32-bit integers, whose range nothing tells; or they
            are 16-bit numbers that use less than a sixteenth of their range.
    """
    return rgb_pixels(open_picture(file), file)


def rgb_pixels(picture: Picture, file: Path) -> NDArray[np.uint8]:
    """The pixels of `read_rgb`, of a picture that is open already."""
    mode = picture.pixels.mode
    # PIL keeps the upper byte of 16-bit colours itself, but makes white of every 16-bit grey above 255.
    if mode.startswith("I;16") or (mode == "I" and picture.format in ("PNG", "PPM")):
        grey = np.asarray(picture.pixels).astype(np.int64) >> 8
        deep, rgb = True, np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
    elif mode in ("I", "F"):
        kind = "floats" if mode == "F" else "32-bit integers"
        raise DataError(
            f"{file}: an image of 8 or 16 bits was expected, but its pixels are {kind}; convert it to 8 bits"
        )
    else:
        deep, rgb = picture.deep, np.asarray(picture.pixels.convert("RGB"))
    if deep and rgb.size and rgb.max() < LEAST_SHADES:
        raise DataError(
            f"{file}: its 16-bit pixels use less than a sixteenth of their range, so that the image would be all but "
            "black in 8 bits; stretch it to the whole range, or store it with 8 bits"
        )
    return rgb


def turned(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """An array of one channel, shape (H, W), as an EXIF orientation says it is to be shown."""
    picture = Image.fromarray(pixels)
    picture.getexif()[ORIENTATION] = orientation
    return np.asarray(ImageOps.exif_transpose(picture))


def no_picture(file: Path, reason: object) -> DataError:
    """The error for a file that is no whole picture."""
    return DataError(f"{file}: cannot be read as an image ({reason}); replace the file")
