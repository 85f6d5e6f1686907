"""The embedded data set `streets`: street scenes in several looks, painted on first use from a seed."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bench_datasets.options import StreetsOptions
from bench_datasets.street_layout import lay_out
from bench_datasets.street_looks import CLASSES, LOOKS, PALETTE
from bench_datasets.street_paint import paint
from bench_datasets.street_scene import Layout
from bench_datasets.street_shifts import SCENES, looks_of_shift
from benchmark import ClassSet, DataError, Dataset, PluginOptions, Sample, did_you_mean

PAINTER_VERSION = 1
"""Changes whenever the same options give other pixels; part of the fingerprint."""

EFFECTS_VERSION = 1
"""The same for the effects of shifted looks, whose constants are part of the fingerprint already."""

OVERSAMPLING = 2
"""Scenes are drawn this many times larger than asked for, then averaged, so that edges are smooth."""


class Streets(Dataset):
    """Procedural street scenes; each depends on (seed, look, split, index, size) alone."""

    Options: ClassVar[type[PluginOptions]] = StreetsOptions
    options: StreetsOptions

    def __init__(self, options: StreetsOptions) -> None:
        super().__init__(options)
        shifted = options.look not in LOOKS
        self._looks = looks_of_shift(options.look) if shifted else (LOOKS[options.look],)
        self._scenes = SCENES if shifted else options.look
        self._counts = {"train": options.train, "val": options.val}

    @property
    def classes(self) -> ClassSet:
        """Eleven classes, the same for all looks."""
        return ClassSet(CLASSES, PALETTE)

    def ids(self, split: str) -> Sequence[str]:
        """`train-0000`, `train-0001`, ..."""
        if split not in self._counts:
            raise DataError(f"streets: no split '{split}'; it has train and val.{did_you_mean(split, self._counts)}")
        if self._counts[split] == 0:
            raise DataError(f"streets: split '{split}' is empty; set its option {split} to at least 1")
        return [f"{split}-{index:04d}" for index in range(self._counts[split])]

    def sample(self, split: str, id: str) -> Sample:
        """Draw and paint one scene."""
        index = self._index(split, id)
        look = self._looks[index % len(self._looks)]
        layout = lay_out(self._random(split, index, "layout"), look.habits, self._drawn_size())
        label = _reduce(layout)
        if self.options.view == "label":
            return Sample(np.asarray(PALETTE, np.uint8)[label], label, id)
        return Sample(paint(layout, look, self._random(split, index, "paint"), OVERSAMPLING), label, id)

    def fingerprint(self, split: str) -> str:
        """A hash of all that decides the pixels of the split."""
        self.ids(split)
        options = self.options.model_dump_json(exclude={"train", "val"})
        known = f"{PAINTER_VERSION}|{split}|{self._counts[split]}|{options}"
        if self.options.look not in LOOKS:
            known += f"|{EFFECTS_VERSION}|{self._looks!r}"  # a strength that is set anew gives another data set
        return hashlib.sha256(known.encode()).hexdigest()

    def _drawn_size(self) -> tuple[int, int]:
        height, width = self.options.size
        return height * OVERSAMPLING, width * OVERSAMPLING

    def _index(self, split: str, id: str) -> int:
        name, _, number = id.rpartition("-")
        if name != split or not number.isdigit() or int(number) >= self._counts.get(split, 0):
            raise DataError(f"streets: no sample '{id}' in split '{split}'; ids look like '{split}-0000'")
        return int(number)

    def _random(self, split: str, index: int, purpose: str) -> np.random.Generator:
        names = (zlib.crc32(word.encode()) for word in (self._scenes, split, purpose))
        return np.random.default_rng([self.options.seed, index, *names])


def _reduce(layout: Layout) -> NDArray[np.uint8]:
    """The label that most of each pixel's 2 x 2 drawn ones agree on."""
    label = layout.label
    a, b, c, d = label[0::2, 0::2], label[0::2, 1::2], label[1::2, 0::2], label[1::2, 1::2]
    return np.where((b == c) | (b == d), b, np.where(c == d, c, a))
