"""A set of equally sized images and labels in a folder, memory-mapped: what all stages pass to each other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from benchmark.api.dataset import ClassSet
from benchmark.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

IMAGES, LABELS, META = "images.npy", "labels.npy", "imageset.json"
FEW = 3
"""Ids that an error names."""


class ImageSet:
    """N images, each in V variants, with one label map per image where there are labels.

    Attributes:
        images: 8-bit RGB, shape (V, N, H, W, 3), memory-mapped.
        labels: uint8 train ids, shape (N, H, W), memory-mapped, or None.
        ids: One id per image.
        classes: Class set of the labels.
    """

    def __init__(
        self, images: NDArray[np.uint8], labels: NDArray[np.uint8] | None, ids: Sequence[str], classes: ClassSet
    ) -> None:
        self.images = images
        self.labels = labels
        self.ids = tuple(ids)
        self.classes = classes

    @classmethod
    def open(cls, folder: Path) -> ImageSet:
        """Map a folder that `ImageSetWriter` finished; `DataError` when it is not one."""
        try:
            meta = json.loads((folder / META).read_text())
            images = np.load(folder / IMAGES, mmap_mode="r")
            labels = np.load(folder / LABELS, mmap_mode="r") if meta["labelled"] else None
        except (OSError, ValueError, KeyError) as error:
            raise DataError(f"{folder}: expected a prepared image set, but it cannot be read ({error})") from error
        palette = tuple((int(r), int(g), int(b)) for r, g, b in meta["palette"])
        return cls(images, labels, meta["ids"], ClassSet(tuple(meta["classes"]), palette))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def variants(self) -> int:
        """How many versions of each image are stored."""
        return int(self.images.shape[0])

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return int(self.images.shape[2]), int(self.images.shape[3])

    def without_labels(self) -> ImageSet:
        """The same images, labels out of reach."""
        return ImageSet(self.images, None, self.ids, self.classes)

    def paired_with(self, other: ImageSet) -> ImageSet:
        """The same images in the order of another set's ids; where that differs, they are copied into memory.

        Raises:
            DataError: Not both have the same ids; names those that only one has.
        """
        if self.ids == other.ids:
            return self
        indices = {name: index for index, name in enumerate(self.ids)}
        without_target = [name for name in other.ids if name not in indices]
        without_source = sorted(indices.keys() - set(other.ids))
        if without_target or without_source:
            raise DataError(
                f"paired images: expected the same ids in source and target, but {_first_names(without_target)} of the "
                f"source have no partner in the target, and {_first_names(without_source)} of the target none in the "
                "source; mend the splits"
            )
        order = [indices[name] for name in other.ids]
        labels = None if self.labels is None else self.labels[order]
        return ImageSet(self.images[:, order], labels, other.ids, self.classes)

    def image_batch(self, indices: Sequence[int], variant: int = 0) -> Tensor:
        """Images as float32 in [0, 1], shape (n, 3, H, W), on the CPU."""
        import torch

        pixels = torch.from_numpy(np.ascontiguousarray(self.images[variant, list(indices)]))
        return pixels.permute(0, 3, 1, 2).float().div_(255)

    def label_batch(self, indices: Sequence[int]) -> Tensor:
        """Labels as uint8 train ids, shape (n, H, W); `DataError` for a set without labels."""
        import torch

        if self.labels is None:
            raise DataError("this image set has no labels; a labelled split was expected")
        return torch.from_numpy(np.ascontiguousarray(self.labels[list(indices)]))


def _first_names(names: Sequence[str]) -> str:
    """How many, and the first `FEW` of them."""
    if not names:
        return "none"
    rest = ", ..." if len(names) > FEW else ""
    return f"{len(names)} ({', '.join(names[:FEW])}{rest})"


class ImageSetWriter:
    """Fills the folder of an image set, image by image."""

    def __init__(
        self,
        folder: Path,
        ids: Sequence[str],
        size: tuple[int, int],
        classes: ClassSet,
        *,
        labelled: bool,
        variants: int = 1,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        height, width = size
        self._folder = folder
        shape = (variants, len(ids), height, width, 3)
        self._images = open_memmap(folder / IMAGES, mode="w+", dtype=np.uint8, shape=shape)
        self._labels: np.memmap[Any, np.dtype[np.uint8]] | None = None
        if labelled:
            self._labels = open_memmap(folder / LABELS, mode="w+", dtype=np.uint8, shape=shape[1:4])
        self._meta: dict[str, Any] = {
            "ids": list(ids),
            "classes": list(classes.names),
            "palette": [list(colour) for colour in classes.palette],
            "labelled": labelled,
        }

    def put(self, index: int, image: NDArray[np.uint8], label: NDArray[np.uint8] | None, variant: int = 0) -> None:
        """Store one image (H, W, 3) and, once, its label (H, W)."""
        self._images[variant, index] = image
        if self._labels is not None and label is not None:
            self._labels[index] = label

    def close(self) -> ImageSet:
        """Write everything out and open the set for reading."""
        self._images.flush()
        if self._labels is not None:
            self._labels.flush()
        # last: a folder without this file is not taken for an image set
        (self._folder / META).write_text(json.dumps(self._meta))
        return ImageSet.open(self._folder)
