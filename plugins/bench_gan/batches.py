"""Batches of unpaired source and target images, each a pure function of the step."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bench_engine.augment import crop, flip
from bench_engine.data import EpochOrder, step_generator
from bench_gan.images import to_signed
from benchmark import Run
from benchmark.imageset import ImageSet


@dataclass(frozen=True)
class UnpairedBatches:
    """Source and target images in orders of their own, each domain shuffled anew in each of its epochs.

    Attributes:
        source, target: The two domains.
        run: Whose seed decides on order, windows and mirroring.
        batch_size: Images of each domain in a step.
        window: Height and width of the random window that is cut out of each image; None takes all of it.
        mirror: Flip each image left to right with probability 1/2.
    """

    source: ImageSet
    target: ImageSet
    run: Run
    batch_size: int
    window: tuple[int, int] | None = None
    mirror: bool = True

    def __call__(self, step: int) -> dict[str, Tensor]:
        """Images `source` and `target` of a step in [-1, 1], shape (batch_size, 3, H, W)."""
        return {"source": self._draw("source", self.source, step), "target": self._draw("target", self.target, step)}

    def _draw(self, side: str, images: ImageSet, step: int) -> Tensor:
        order = EpochOrder(len(images), self.run.seed, side)
        batch = images.image_batch(order.indices(step, self.batch_size))
        generator = step_generator(self.run, step, side)
        if self.window is not None:
            batch, _ = crop(batch, None, self.window, generator)
        if self.mirror:
            batch, _ = flip(batch, None, generator)
        return to_signed(batch)
