"""Picture files of a results folder: photographs in WebP, label maps and curves in PNG, each with its origin."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

PHOTOGRAPHS, EXACT = ".webp", ".png"
"""Endings of pictures that are to look alike, and of those whose every pixel is to keep its colour."""
QUALITY = 85
MADE_OF = "made of"
"""The text of a PNG file in which its origin is stored; in WebP files it is the description among the EXIF data."""
END_OF_PNG = b"IEND\xaeB`\x82"
RIFF_HEADER = 8
"""Bytes at the start of a WebP file that its size, stored in the last four of them, does not count."""


def save_picture(picture: Image.Image, target: Path, origin: str) -> None:
    """Write a picture in one step: a killed process leaves the old one or the new one.

    Args:
        picture: RGB.
        target: Its file; the ending says how it is stored. A file of the same picture under the other ending goes.
        origin: What it was made of, in ASCII; see `origin_of`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        if target.suffix == PHOTOGRAPHS:
            exif = Image.Exif()
            exif[ExifTags.Base.ImageDescription] = origin
            picture.save(partial, format="WEBP", quality=QUALITY, exif=exif)
        else:
            notes = PngInfo()
            notes.add_text(MADE_OF, origin)
            picture.save(partial, format="PNG", pnginfo=notes)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    _other_ending(target).unlink(missing_ok=True)


def origin_of(path: Path) -> str | None:
    """What a picture was made of; None where it is missing, truncated or does not say."""
    try:
        content = path.read_bytes()
        if not _is_whole(content, path.suffix):
            return None
        with Image.open(path) as picture:
            if path.suffix == PHOTOGRAPHS:
                return picture.getexif().get(ExifTags.Base.ImageDescription)
            return picture.info.get(MADE_OF)
    except OSError:
        return None


def stored_picture(target: Path) -> Path | None:
    """The file of a picture where there is one; what an older version stored under the other ending is stored anew."""
    older = _other_ending(target)
    if target.exists() or not older.exists():
        return target if target.exists() else None
    try:
        with Image.open(older) as picture:
            save_picture(picture.convert("RGB"), target, origin_of(older) or "")
    except OSError:  # it is damaged
        return older
    return target


def _other_ending(target: Path) -> Path:
    return target.with_suffix(EXACT if target.suffix == PHOTOGRAPHS else PHOTOGRAPHS)


def _is_whole(content: bytes, ending: str) -> bool:
    if ending == PHOTOGRAPHS:
        size = int.from_bytes(content[4:RIFF_HEADER], "little")
        return len(content) == size + RIFF_HEADER
    return content.endswith(END_OF_PNG)
