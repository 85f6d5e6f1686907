"""Contract of a segmenter: learns to label pixels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from benchmark.api.options import PluginOptions

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.api.imageset import ImageSet
    from benchmark.api.stage_context import StageContext


class Segmenter(ABC):
    """A semantic segmentation model with its training recipe."""

    Options: ClassVar[type[PluginOptions]] = PluginOptions

    def __init__(self, options: PluginOptions) -> None:
        self.options = options

    @abstractmethod
    def fit(self, train: ImageSet, target: ImageSet | None, validation: ImageSet | None, context: StageContext) -> None:
        """Learn from the labelled set `train`.

        Args:
            train: Labelled images: translated, source or (oracle) target ones. Where `train.variants > 1`, a
                variant is to be drawn anew for each image in each epoch.
            target: The target training images without labels, for segmenters that align features or train
                themselves on pseudo labels, and so need `target_images`; None for all others.
            validation: Labelled images to choose a checkpoint by, or None: keep the last one.
            context: Device, precision, seed, log, checkpoints.

        When `context.folder` holds the checkpoint of an interrupted fit, it continues there and must end as the
        uninterrupted fit would have.
        """

    @abstractmethod
    def predict(self, images: Tensor) -> Tensor:
        """Train ids, uint8, shape (N, H, W), for float32 RGB images in [0, 1], shape (N, 3, H, W)."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write all that `load` needs into an existing, empty folder."""

    @abstractmethod
    def load(self, folder: Path) -> None:
        """Take up what `save` wrote."""

    def to(self, device: str) -> None:
        """Move the network to a torch device."""


@runtime_checkable
class HasLogits(Protocol):
    """A segmenter through which a loss can be back-propagated to the images, as translators may need."""

    def logits(self, images: Tensor) -> Tensor:
        """Class scores before the softmax, float32, shape (N, classes, H, W).

        The network stays in evaluation mode. Gradients reach the images, and never the network's weights.

        Args:
            images: float32 RGB in [0, 1], shape (N, 3, H, W).
        """
        ...


@runtime_checkable
class AdaptsStatistics(Protocol):
    """A segmenter that can be adapted after its training through its normalisation statistics alone (AdaBN)."""

    def adapt_statistics(self, target: ImageSet, context: StageContext) -> None:
        """Replace the statistics of the fitted or loaded network by those of the target images, for good.

        `predict`, `logits` and `save` use them from then on. No weight changes, and nothing is left of the statistics
        before: they depend on the images alone. Every image is seen once, without augmentation, and counts the same.

        Args:
            target: Target training images; their labels must not be looked at.
            context: Device, progress.

        Raises:
            Unavailable: The network has no statistics, such as one without batch norm.

        Source: Li et al. 2016, Revisiting Batch Normalization For Practical Domain Adaptation, arXiv:1603.04779.
        """
        ...
