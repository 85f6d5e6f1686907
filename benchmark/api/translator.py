"""Contract of a translator: learns to give source images the look of the target domain."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from benchmark.api.options import PluginOptions

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.api.imageset import ImageSet
    from benchmark.api.stage_context import StageContext


class Translator(ABC):
    """An image-to-image translator from the source to the target domain.

    Images are float32 RGB in [0, 1], shape (N, 3, H, W), on the device given to `to`; a translator converts
    inside to what it likes. Any height and width must be accepted by `translate`, also sizes that differ from
    those of training.
    """

    Options: ClassVar[type[PluginOptions]] = PluginOptions

    def __init__(self, options: PluginOptions) -> None:
        self.options = options

    @abstractmethod
    def fit(self, source: ImageSet, target: ImageSet, context: StageContext) -> None:
        """Learn from source and target images; target labels are never there.

        What the plugin declared it needs is there: with `source_labels` the source has its labels; with `paired`
        both sets have equal ids in equal order; with `source_segmenter`, `context.source_segmenter` is a segmenter
        trained on the labelled source images.

        Called once per process, on `context.device`; when `context.folder` holds the checkpoint of an interrupted fit,
        it continues there and must end as the uninterrupted fit would have.
        """

    @abstractmethod
    def translate(self, images: Tensor, variant: int = 0) -> Tensor:
        """Source images in the look of the target domain, same shape and range, geometry unchanged.

        Args:
            images: float32 RGB in [0, 1], shape (N, 3, H, W).
            variant: Which of the possible outputs; 0 for translators with only one.
        """

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write all that `load` needs into an existing, empty folder."""

    @abstractmethod
    def load(self, folder: Path) -> None:
        """Take up what `save` wrote."""

    def to(self, device: str) -> None:
        """Move the networks, where there are any, to a torch device."""


@runtime_checkable
class Invertible(Protocol):
    """A translator that also knows the way back."""

    def inverse(self, images: Tensor) -> Tensor:
        """Target images in the look of the source domain; shapes as in `Translator.translate`."""
        ...


@runtime_checkable
class MultiVariant(Protocol):
    """A translator with several outputs for one input: `translate(images, variant=k)` for any k from 0 on."""

    @property
    def variants(self) -> int:
        """How many outputs are to be stored for each image, all different; those beyond may repeat them."""
        ...


@runtime_checkable
class HasAttentionMaps(Protocol):
    """A translator that can show where it looks."""

    def attention_maps(self, images: Tensor) -> Tensor:
        """One map per image in [0, 1], shape (N, 1, H, W)."""
        ...


@runtime_checkable
class HasPixelAttention(Protocol):
    """A translator that can show where a single translated pixel looks."""

    def attention_from(self, images: Tensor, row: int, column: int) -> Tensor:
        """How much each place of the source counts for one pixel of the translation.

        Args:
            images: float32 RGB in [0, 1], shape (N, 3, H, W).
            row: Of the translated pixel, 0 at the top.
            column: Of the translated pixel, 0 at the left.

        Returns:
            One map per image in [0, 1], shape (N, 1, H, W).
        """
        ...
