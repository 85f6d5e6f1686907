"""Batches of source and target images, each a pure function of the step."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bench_engine.augment import crop, enlarged, flip
from bench_engine.data import EpochOrder, step_generator
from bench_gan.images import normalize
from benchmark import ImageSet, StageContext


@dataclass(frozen=True)
class UnpairedBatches:
    """Source and target images in orders of their own, each domain shuffled anew in each of its epochs.

    Attributes:
        source, target: The two domains.
        context: Whose seed decides on order, windows and mirroring.
        batch_size: Images of each domain in a step.
        window: Height and width of the random window that is cut out of each image; None: those of the image.
        mirror: Flip each image left to right with probability 1/2.
        enlarge: Factor by which images are enlarged before the window is cut.
    """

    source: ImageSet
    target: ImageSet
    context: StageContext
    batch_size: int
    window: tuple[int, int] | None = None
    mirror: bool = True
    enlarge: float = 1.0

    def __call__(self, step: int) -> dict[str, Tensor]:
        """Images `source` and `target` of a step in [-1, 1], shape (batch_size, 3, H, W).

        Where the source images have labels, `labels` are theirs: train ids, uint8, shape (batch_size, H, W).
        """
        source, labels = self._draw(self._purpose("source"), self.source, step)
        target, _ = self._draw(self._purpose("target"), self.target, step)
        batch = {"source": source, "target": target}
        return batch if labels is None else batch | {"labels": labels}

    def _purpose(self, side: str) -> str:
        """What the draws of a side are named after: equal names draw alike."""
        return side

    def _draw(self, purpose: str, images: ImageSet, step: int) -> tuple[Tensor, Tensor | None]:
        indices = EpochOrder(len(images), self.context.seed, purpose).indices(step, self.batch_size)
        batch = images.image_batch(indices)
        labels = None if images.labels is None else images.label_batch(indices)
        generator = step_generator(self.context, step, purpose)
        if self.enlarge > 1:
            batch, labels = enlarged(batch, labels, self.enlarge)
        if self.enlarge > 1 or self.window is not None:
            batch, labels = crop(batch, labels, self.window or images.size, generator)
        if self.mirror:
            batch, labels = flip(batch, labels, generator)
        return normalize(batch), labels


class PairedBatches(UnpairedBatches):
    """The same images of both domains in a step, under the same window and mirroring.

    Equal positions of `source` and `target` must show the same scene.
    """

    def _purpose(self, side: str) -> str:
        return "pair"
