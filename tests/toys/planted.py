"""A data set painted in the colours of its classes, a translator that plants flips in it, and an exact segmenter."""

import numpy as np
import torch

from benchmark import IGNORE, ClassSet, Dataset, PluginOptions, Sample, Segmenter, Translator

CLASSES = ClassSet(("road", "sky", "vegetation"), ((128, 64, 128), (70, 130, 180), (107, 142, 35)))
ROAD, SKY, VEGETATION = range(3)
HEIGHT, WIDTH = 12, 20
WIDE_SKY = 6


class PaintedOptions(PluginOptions):
    count: int = 9


class Painted(Dataset):
    """Road below a sky of two rows, in every third image of six, with ignored pixels and a tree in between."""

    Options = PaintedOptions
    classes = CLASSES

    def ids(self, split):
        return [f"{split}-{number}" for number in range(self.options.count)]

    def sample(self, split, id):
        label = np.full((HEIGHT, WIDTH), ROAD, dtype=np.uint8)
        label[: WIDE_SKY if int(id.split("-")[1]) % 3 == 1 else 2] = SKY
        label[8, :3] = VEGETATION
        image = np.array(CLASSES.palette, np.uint8)[label]
        label[10, :5] = IGNORE
        return Sample(image, label, id)

    def fingerprint(self, split):
        return f"{split}:{self.options.model_dump_json()}"


class Untrained:
    def save(self, folder):
        pass

    def load(self, folder):
        pass


class Repaint(Untrained, Translator):
    """Paints a tenth of a wide sky green, and leaves all else as it is."""

    def fit(self, source, target, context):
        pass

    def translate(self, images, variant=0):
        blue, green = (torch.tensor(CLASSES.palette[number])[:, None] / 255 for number in (SKY, VEGETATION))
        pixels = images.flatten(2).clone()
        for image in pixels:
            sky = ((image - blue).abs().amax(dim=0) < 1e-3).nonzero().flatten()
            if len(sky) == WIDE_SKY * WIDTH:
                image[:, sky[: len(sky) // 10]] = green
        return pixels.view_as(images)


class ByColour(Untrained, Segmenter):
    """Reads each class from its colour, and is never wrong."""

    def fit(self, train, target, validation, context):
        pass

    def predict(self, images):
        palette = torch.tensor(CLASSES.palette) / 255
        return (images[:, None] - palette[None, :, :, None, None]).abs().sum(dim=2).argmin(dim=1).byte()
