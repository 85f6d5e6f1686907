"""Reads images and labels from files or halves of files, and turns native ids or colours into train ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bench_datasets.options import Half
from bench_datasets.picture_files import no_picture, open_picture, read_rgb, rgb_pixels, turned
from benchmark import IGNORE, DataError, did_you_mean

IGNORE_WORD, OTHERS = "ignore", "*"

Codes = NDArray[np.int64]
Pixel = TypeVar("Pixel", bound=np.generic)


@dataclass(frozen=True)
class LabelMap:
    """Native codes (ids, or colours as one number) and the train ids they stand for.

    Attributes:
        codes: Sorted native codes.
        train_ids: Train id of each.
        others: Train id of all codes not listed, or None: they are an error.
        colour: Codes are colours.
    """

    codes: Codes
    train_ids: NDArray[np.uint8]
    others: int | None
    colour: bool

    @classmethod
    def build(cls, mapping: Mapping[str, str], classes: Sequence[str], *, colour: bool) -> LabelMap:
        """From a mapping as users write it; `DataError` for a key or class name that means nothing."""
        if colour and not mapping:
            raise DataError("label_format 'colour' needs a mapping of colours such as '128,64,128' to class names")
        if IGNORE_WORD in classes:
            raise DataError(f"classes: '{IGNORE_WORD}' is the word for pixels of no class; give the class another name")
        if not mapping:
            mapping = {str(index): name for index, name in enumerate(classes)} | {str(IGNORE): IGNORE_WORD}
        train_ids = {name: index for index, name in enumerate(classes)} | {IGNORE_WORD: IGNORE}
        table: dict[int, int] = {}
        others = None
        for key, name in mapping.items():
            if name not in train_ids:
                raise DataError(
                    f"mapping: '{key}' leads to '{name}', which is no class and not '{IGNORE_WORD}'."
                    f"{did_you_mean(name, train_ids)}"
                )
            if key == OTHERS:
                others = train_ids[name]
            else:
                table[_code(key, colour=colour)] = train_ids[name]
        if not table:
            raise DataError(f"mapping: only '{OTHERS}' is mapped; name the native ids of the classes too")
        codes = np.asarray(sorted(table), np.int64)
        return cls(codes, np.asarray([table[c] for c in codes.tolist()], np.uint8), others, colour)

    def apply(self, codes: Codes, file: Path) -> NDArray[np.uint8]:
        """Train ids of an array of native codes; `DataError` names a code that the mapping lacks."""
        place = np.minimum(np.searchsorted(self.codes, codes), len(self.codes) - 1)
        known = self.codes[place] == codes
        if self.others is not None:
            return np.where(known, self.train_ids[place], np.uint8(self.others))
        if not known.all():
            code = int(codes[~known][0])
            what = f"colour '{code >> 16},{code >> 8 & 255},{code & 255}'" if self.colour else f"id {code}"
            raise DataError(
                f"{file}: label {what} is not in the mapping; map it to a class or to '{IGNORE_WORD}' "
                f"('{OTHERS}' maps all that are not named)"
            )
        return self.train_ids[place]


def read_image(file: Path, half: Half = "whole") -> NDArray[np.uint8]:
    """8-bit RGB, shape (H, W, 3), by `read_rgb`."""
    return _cut(read_rgb(file), half, file)


def read_label(file: Path, label_format: str, labels: LabelMap, half: Half = "whole") -> NDArray[np.uint8]:
    """Train ids, shape (H, W); where the label is half of the file, the other half may hold anything."""
    return labels.apply(_cut(_codes(file, label_format), half, file), file)


def _codes(file: Path, label_format: str) -> Codes:
    """What the mapping maps, as the file holds it."""
    picture = open_picture(file)
    if picture.format in ("JPEG", "MPO"):  # the latter is JPEG with several pictures, as some cameras write
        raise DataError(
            f"{file}: a label was expected in a format without loss, but it is a JPEG, and JPEG blurs labels: ids and "
            "colours are no longer those that were stored; use PNG files made from the originals"
        )
    if label_format == "first-channel":
        return _first_channel(file, picture.orientation)
    if label_format == "colour":
        rgb = rgb_pixels(picture, file).astype(np.int64)
        return rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2]
    pixels = np.asarray(picture.pixels)
    if pixels.ndim != 2:
        raise DataError(
            f"{file}: a label of one channel was expected, but it has {pixels.shape[2]}; set label_format "
            "to 'colour' or 'first-channel'"
        )
    return _whole_numbers(pixels, file)


def _first_channel(file: Path, orientation: int) -> Codes:
    """PIL cuts 16-bit colour down to 8 bits, which loses the ids; OpenCV keeps them, in the order blue, green, red."""
    import cv2

    pixels = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise no_picture(file, "OpenCV does not read it")
    first = pixels if pixels.ndim == 2 else pixels[..., min(pixels.shape[2], 3) - 1]
    codes = _whole_numbers(first, file)
    return turned(codes.astype(np.int32), orientation).astype(np.int64)  # PIL has no 64-bit integers


def _whole_numbers(pixels: NDArray[Any], file: Path) -> Codes:
    if np.issubdtype(pixels.dtype, np.floating):
        raise DataError(f"{file}: a label of ids was expected, but its pixels are floats; store them as integers")
    return pixels.astype(np.int64)


def _cut(pixels: NDArray[Pixel], half: Half, file: Path) -> NDArray[Pixel]:
    """One of two pictures of one size that lie side by side."""
    if half == "whole":
        return pixels
    middle, odd = divmod(pixels.shape[1], 2)
    if odd:
        raise DataError(
            f"{file}: two pictures of one size side by side were expected, but the width of {pixels.shape[1]} is odd; "
            "replace the file, or mend `half` and `label_half`"
        )
    return pixels[:, :middle] if half == "left" else pixels[:, middle:]


def _code(key: str, *, colour: bool) -> int:
    parts = key.split(",")
    numbers = [int(part) for part in parts if part.strip().lstrip("-").isdigit()]
    if (
        len(numbers) != len(parts)
        or len(parts) != (3 if colour else 1)
        or (colour and not all(0 <= n < 256 for n in numbers))
    ):
        wanted = "a colour such as '128,64,128'" if colour else "a native id such as '7'"
        raise DataError(f"mapping: expected {wanted}, or '{OTHERS}' for all others, as a key, but one is '{key}'")
    return numbers[0] << 16 | numbers[1] << 8 | numbers[2] if colour else numbers[0]
