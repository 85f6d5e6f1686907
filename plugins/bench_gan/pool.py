"""A memory of generated images, so that a discriminator does not forget what it saw some steps ago."""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor


class ImagePool:
    """Keeps up to `size` generated images and hands out a mixture of new and old ones.

    Until the pool is full, each image is kept and handed out. From then on, with probability 1/2, an image takes
    the place of a random kept one, which is handed out in its stead.

    Args:
        size: How many images; 0 hands out what comes in.
        generator: A CPU generator of its own, whose state belongs to the state of the pool.

    Source: Shrivastava et al. 2017, arXiv:1612.07828, section 2.3; size 50 in Zhu et al. 2017, arXiv:1703.10593.
    """

    def __init__(self, size: int, generator: Generator) -> None:
        self.size = size
        self._generator = generator
        self._images: Tensor | None = None
        self._filled = 0

    def exchange(self, images: Tensor) -> Tensor:
        """Images for the discriminator in place of these new ones.

        Args:
            images: Generated images, shape (N, C, H, W), the same C, H, W at each call. They are detached. Those that
                are not finite are handed out, so that the step is found to be bad, but never kept.

        Returns:
            Shape (N, C, H, W), without gradient.
        """
        images = images.detach()
        if self.size == 0:
            return images
        kept = self._kept(images)
        handed_out = images.clone()
        for new, out in zip(images, handed_out, strict=True):
            # the first image has no neighbour to stand in for it: until it is finite, the pool stays empty
            if self._filled == 0 and not torch.isfinite(new).all():
                continue
            slot, swapped = self._place()
            if slot is None:
                continue
            if swapped:
                out.copy_(kept[slot])
            # a slot that is still empty takes its neighbour's image rather than a bad one
            former = kept[slot] if swapped else kept[slot - 1]
            kept[slot] = torch.where(torch.isfinite(new).all(), new, former)
        return handed_out

    def state(self) -> dict[str, Any]:
        """All that the next calls depend on, as tensors and plain values."""
        return {"images": self._images, "filled": self._filled, "generator": self._generator.get_state()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave."""
        self._images = state["images"]
        self._filled = state["filled"]
        self._generator.set_state(state["generator"])

    def _kept(self, like: Tensor) -> Tensor:
        if self._images is None:
            self._images = like.new_zeros(self.size, *like.shape[1:])
        self._images = self._images.to(like.device)
        return self._images

    def _place(self) -> tuple[int | None, bool]:
        """Where to keep the next image, if anywhere, and whether the image there is handed out."""
        if self._filled < self.size:
            self._filled += 1
            return self._filled - 1, False
        if torch.rand((), generator=self._generator) < 0.5:
            return int(torch.randint(self.size, (), generator=self._generator)), True
        return None, False
