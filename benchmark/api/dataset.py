"""Contract of a data set: labelled or unlabelled images by split, and the class set of their labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from benchmark.api.options import PluginOptions
from benchmark.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


IGNORE = 255
"""The train id of pixels that count nowhere."""


@dataclass(frozen=True)
class ClassSet:
    """The classes of a label map; train id `i` is `names[i]`, drawn in `palette[i]` (8-bit RGB).

    Raises:
        DataError: Two names are the same, or not every class has its colour.
    """

    names: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]

    def __post_init__(self) -> None:
        for name in self.names:
            if self.names.count(name) > 1:
                raise DataError(f"classes: '{name}' stands there twice; every class needs a name of its own")
        if len(self.palette) != len(self.names):
            raise DataError(
                f"palette: one colour for each of the {len(self.names)} classes was expected, but there are "
                f"{len(self.palette)}"
            )

    def __len__(self) -> int:
        return len(self.names)


class Sample(NamedTuple):
    """One image of a data set, at its native size.

    Attributes:
        image: 8-bit RGB, shape (H, W, 3).
        label: Train ids, uint8, shape (H, W), `IGNORE` where there is no class; None where the split has no labels.
        id: Unique within the split; equal ids in a paired scenario show the same scene.
    """

    image: NDArray[np.uint8]
    label: NDArray[np.uint8] | None
    id: str


class Dataset(ABC):
    """Images by split. Reading one sample must not depend on which samples were read before.

    The constructor takes an instance of `Options` and checks what it can at once, raising `DataError`
    with what was expected, what came and what to do.
    """

    Options: ClassVar[type[PluginOptions]] = PluginOptions

    def __init__(self, options: PluginOptions) -> None:
        self.options = options

    @property
    @abstractmethod
    def classes(self) -> ClassSet:
        """The class set of the labels."""

    @abstractmethod
    def ids(self, split: str) -> Sequence[str]:
        """The ids of a split, in its fixed order; `DataError` for an unknown or empty split."""

    @abstractmethod
    def sample(self, split: str, id: str) -> Sample:
        """Read or make one sample; `DataError` names the file that is missing, damaged or does not fit."""

    def labelled(self, split: str) -> bool:
        """Whether a split has labels, called when a plan is made; by default, whether its first sample has one."""
        return self.sample(split, self.ids(split)[0]).label is not None

    @abstractmethod
    def fingerprint(self, split: str) -> str:
        """A hash that changes when any image or label of the split does."""
