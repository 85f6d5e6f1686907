"""The data set `folder`: any images, labels and class mapping, described in a configuration."""

from __future__ import annotations

import colorsys
import hashlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

from bench_datasets.content_hash import cache_folder, content_hashes
from bench_datasets.faults import gathered
from bench_datasets.folder_files import Pair, find_pairs, find_root
from bench_datasets.folder_labels import LabelMap, read_image, read_label
from bench_datasets.options import FolderOptions
from bench_datasets.picture_files import open_picture
from benchmark import ClassSet, DataError, Dataset, PluginOptions, Sample, did_you_mean


class Folder(Dataset):
    """Images on disk, with labels of ids or colours where there are any."""

    Options: ClassVar[type[PluginOptions]] = FolderOptions
    options: FolderOptions

    def __init__(self, options: FolderOptions) -> None:
        super().__init__(options)
        self._classes = ClassSet(options.classes, _palette(options))
        self._labels = LabelMap.build(options.mapping, options.classes, colour=options.label_format == "colour")
        self._root = find_root(options.root)
        self._pairs: dict[str, dict[str, Pair]] = {}

    @property
    def classes(self) -> ClassSet:
        """The classes of the options."""
        return self._classes

    def ids(self, split: str) -> Sequence[str]:
        """Paths of the images without folder, suffix and ending."""
        return list(self._split(split))

    def sample(self, split: str, id: str) -> Sample:
        """Read one image and its label.

        Raises:
            DataError: A file is at fault. The samples after it are read, too, so that all of them can be named.
        """
        pairs = self._split(split)
        if id not in pairs:
            raise DataError(f"split '{split}' of {self._root} has no image '{id}'.{did_you_mean(id, pairs)}")
        try:
            return self._read(pairs[id], id)
        except DataError as error:
            ids = list(pairs)
            faults = {id: str(error)} | self._faults(pairs, ids[ids.index(id) + 1 :])
            raise gathered(list(faults.values()), list(faults)) from error

    def _read(self, pair: Pair, id: str) -> Sample:
        image = read_image(pair.image, self.options.half)
        if pair.label is None:
            return Sample(image, None, id)
        label = read_label(pair.label, self.options.label_format, self._labels, self.options.label_half)
        if label.shape != image.shape[:2]:
            turned = open_picture(pair.image).orientation > 1
            cause = " as its EXIF orientation says it is to be shown" if turned else ""
            raise DataError(
                f"{pair.label}: label of {label.shape[1]} x {label.shape[0]} pixels, but {pair.image} has "
                f"{image.shape[1]} x {image.shape[0]}{cause}; replace one, or list '{id}' in `exclude`"
            )
        return Sample(image, label, id)

    def labelled(self, split: str) -> bool:
        """Whether its images have label files; none is read."""
        return all(pair.label is not None for pair in self._split(split).values())

    def _faults(self, pairs: Mapping[str, Pair], ids: Sequence[str]) -> dict[str, str]:
        """What is wrong with samples, by their ids, where something is."""

        def fault(id: str) -> str:
            try:
                self._read(pairs[id], id)
            except DataError as error:
                return str(error)
            return ""

        with ThreadPoolExecutor() as pool:
            found = dict(zip(ids, pool.map(fault, ids), strict=True))
        return {key: message for key, message in found.items() if message}

    def fingerprint(self, split: str) -> str:
        """A hash over ids, mapping and the content of all files; unchanged files are not read twice."""
        pairs = self._split(split)
        files = [file for pair in pairs.values() for file in pair if file is not None]
        name = hashlib.sha256(str(self._root.resolve()).encode()).hexdigest()[:16]
        hashes = content_hashes(files, cache_folder() / f"hashes-{name}.json")
        meaning = self.options.model_dump(include={"classes", "mapping", "label_format"})
        # Only where files are cut: whole images mean what they did before there was a choice.
        meaning |= self.options.model_dump(include={"half", "label_half"}, exclude_defaults=True)
        return hashlib.sha256(json.dumps([meaning, list(pairs), hashes], sort_keys=True).encode()).hexdigest()

    def _split(self, split: str) -> dict[str, Pair]:
        if split not in self.options.splits:
            known = ", ".join(self.options.splits)
            guess = did_you_mean(split, self.options.splits)
            raise DataError(f"split '{split}' is not among `splits` ({known}); add it, or mend its name.{guess}")
        if split not in self._pairs:
            self._pairs[split] = find_pairs(self._root, self.options, self.options.splits[split], split)
        return self._pairs[split]


def _palette(options: FolderOptions) -> tuple[tuple[int, int, int], ...]:
    """The palette of the options, or hues spread by the golden angle."""
    if not options.palette:
        hues = ((index * 0.618034 % 1, 0.55 + 0.4 * (index % 2), 0.9) for index in range(len(options.classes)))
        return tuple(
            (round(r * 255), round(g * 255), round(b * 255)) for r, g, b in (colorsys.hsv_to_rgb(*h) for h in hues)
        )
    return options.palette
