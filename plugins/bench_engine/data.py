"""Which images a step sees, as a pure function of seed and step: the position of the sampler is the step."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import torch

from benchmark import StageContext


def step_generator(context: StageContext, step: int, purpose: str) -> torch.Generator:
    """A CPU generator for what one step draws, the same whenever the step is made."""
    return context.generator(f"{purpose}:{step}")


@dataclass(frozen=True)
class EpochOrder:
    """Images without replacement, shuffled anew in each epoch; a batch may reach into the next one.

    Attributes:
        length: Images of an epoch.
        seed: Seed of the run.
        purpose: Tells apart orders of one run, such as source and target.
    """

    length: int
    seed: int
    purpose: str = "order"

    def positions(self, step: int, batch_size: int) -> list[tuple[int, int]]:
        """Epoch and index of each image of a step."""
        first = step * batch_size
        return [self.at(position) for position in range(first, first + batch_size)]

    def indices(self, step: int, batch_size: int) -> list[int]:
        """Index of each image of a step."""
        return [index for _, index in self.positions(step, batch_size)]

    def at(self, position: int) -> tuple[int, int]:
        """Epoch and index of the image that is seen as number `position` of the training."""
        epoch, offset = divmod(position, self.length)
        return epoch, _permutation(self.seed, self.purpose, self.length, epoch)[offset]


def choice(seed: int, epoch: int, index: int, count: int) -> int:
    """One of `count` variants of an image, drawn anew in each epoch."""
    return _digest("variant", f"{seed}:{epoch}:{index}") % count


@lru_cache(maxsize=8)
def _permutation(seed: int, purpose: str, length: int, epoch: int) -> tuple[int, ...]:
    generator = torch.Generator().manual_seed(_digest("order", f"{seed}:{purpose}:{epoch}"))
    return tuple(torch.randperm(length, generator=generator).tolist())


def _digest(kind: str, text: str) -> int:
    """A seed that no `StageContext.generator` has, whatever its purpose: what is hashed there begins with a number."""
    return int.from_bytes(hashlib.sha256(f"{kind}:{text}".encode()).digest()[:7], "big")
