"""Draws training images that contain rare classes more often than others."""

from __future__ import annotations

import torch
from torch import Tensor

from bench_engine.data import step_generator
from bench_mmseg.class_weights import image_counts
from benchmark import DataError, ImageSet, StageContext


def class_probabilities(counts: Tensor, pixels: int, temperature: float) -> Tensor:
    """How often each class is to be drawn: the softmax of (1 - its share of all pixels) / temperature.

    Args:
        counts: Pixels of each class in each image, double, shape (images, classes).
        pixels: Pixels of all images, ignored ones too.
        temperature: The lower, the more often are rare classes drawn.

    Returns:
        Double, shape (classes,); 0 for a class that no image contains, which the softmax leaves out.

    Source: Hoyer et al. 2022, DAFormer, arXiv:2111.14887, section 3.3, rare class sampling.
    """
    totals = counts.sum(0)
    scores = (1 - totals / pixels) / temperature
    return scores.masked_fill(totals == 0, -torch.inf).softmax(0)


class ClassBalancedOrder:
    """Draws a class by `class_probabilities`, then one of the images that contain it, all alike; with replacement.

    Args:
        data: Labelled images.
        temperature: See `class_probabilities`.
        context: Its seed decides on what is drawn.

    Raises:
        DataError: No image has a labelled pixel.
    """

    def __init__(self, data: ImageSet, temperature: float, context: StageContext) -> None:
        labels = (data.label_batch([index]) for index in range(len(data)))
        counts = image_counts(labels, len(data.classes))
        if not counts.any():
            raise DataError(
                f'sampling = "class-balanced": expected labelled pixels, but the {len(data)} training images are '
                "ignored in all pixels; check their labels and classes"
            )
        height, width = data.size
        self._probabilities = class_probabilities(counts, len(data) * height * width, temperature)
        self._images = [column.nonzero().flatten() for column in (counts > 0).unbind(1)]
        self._context = context

    def positions(self, step: int, batch_size: int) -> list[tuple[int, int]]:
        """The place in the training and the index of each image of a step; each place is an epoch of its own."""
        generator = step_generator(self._context, step, "segmenter:sampling")
        classes = torch.multinomial(self._probabilities, batch_size, replacement=True, generator=generator)
        drawn = []
        for place, class_id in enumerate(classes.tolist(), step * batch_size):
            images = self._images[class_id]
            chosen = torch.randint(len(images), (), generator=generator)
            drawn.append((place, int(images[chosen])))
        return drawn
