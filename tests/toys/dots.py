"""A toy data set, in a module that imports nothing heavy."""

from typing import Literal

import numpy as np
from pydantic import Field

from benchmark import ClassSet, DataError, Dataset, PluginOptions, Sample

CLASSES = ClassSet(("road", "sky", "car"), ((128, 64, 128), (70, 130, 180), (0, 0, 142)))
SHADES = np.array([60, 120, 180], dtype=np.int16)


class DotOptions(PluginOptions):
    look: Literal["day", "night"] = "day"
    count: int = 3
    flaw: str = ""
    root: str = Field("", json_schema_extra={"affects_results": False})


class NoOptions(PluginOptions):
    """Options of plugins that have none, in this light module."""


class Dots(Dataset):
    """Each class has its shade of grey; at night all are darker."""

    Options = DotOptions
    classes = CLASSES
    splits = ("train", "val")

    def ids(self, split):
        if split not in self.splits:
            raise DataError(f"dataset 'dots' has no split '{split}'")
        ids = [f"{split}-{number}" for number in range(self.options.count)]
        return ids[::-1] if self.options.flaw == "order" else ids[1:] if self.options.flaw == "lost" else ids

    def sample(self, split, id):
        generator = np.random.default_rng([len(split), int(id.split("-")[1])])
        label = generator.integers(0, 3, (8, 12), dtype=np.uint8)
        image = np.repeat(SHADES[label][..., None], 3, axis=2) - (40 if self.options.look == "night" else 0)
        image = (image + generator.integers(-9, 10, image.shape)).clip(0, 255).astype(np.uint8)
        if self.options.flaw == "id":
            label[0, 0] = 7
        if self.options.flaw == "size":
            label = label[:4]
        bare = self.options.flaw == "unlabelled" and split == "train"
        return Sample(image, None if bare else label, id)

    def fingerprint(self, split):
        self.ids(split)
        return f"{split}:{self.options.model_dump_json(exclude={'root'})}"
