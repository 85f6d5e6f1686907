"""Contracts of the metrics: over predictions, and over translated images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from benchmark.api.options import PluginOptions

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from benchmark.api.dataset import ClassSet
    from benchmark.api.stage_context import StageContext


@dataclass(frozen=True)
class Value:
    """What a number of a metric means.

    Attributes:
        summary: One line, for tables and help.
        higher_is_better: Direction of improvement.
        low, high: Range; None where unbounded.
        headline: Whether tables for people have a column for it; all numbers are in records, JSON and CSV.
        heading: Name of its column in tables for people, without the unit; empty for the value's own name.
        unit: Stands behind the heading; "%" is for a share of one, which tables print times 100.
        decimals: So many digits behind the point in tables; None for 1 of a percentage, 3 of anything else.
    """

    summary: str
    higher_is_better: bool
    low: float | None = 0.0
    high: float | None = 1.0
    headline: bool = True
    heading: str = ""
    unit: str = ""
    decimals: int | None = None


class Metric(ABC):
    """What all metrics share. A metric object serves one evaluation and is then thrown away.

    Whatever a metric raises, and a value outside its declared range, makes its own values missing and nothing else.
    """

    Options: ClassVar[type[PluginOptions]] = PluginOptions
    values: ClassVar[Mapping[str, Value]] = {}
    """The numbers that `compute` returns, by name."""

    def __init__(self, options: PluginOptions) -> None:
        self.options = options

    def start(self, classes: ClassSet, context: StageContext) -> None:
        """Called once before any data; raise `Unavailable` with the reason when this metric cannot be had here."""

    @abstractmethod
    def compute(self) -> dict[str, float]:
        """One number for each name in `values`; raise `Unavailable` when the data did not suffice."""

    def details(self) -> dict[str, Any]:
        """Tables that belong to the numbers (a confusion matrix, the worst images), as plain JSON values.

        All of it is stored with the record of a cell. Four names have a meaning for the leaderboard: `iou`, by class
        name, makes its per-class table; `note` is printed below the table; rows whose `conditions` differ must not be
        compared, and that is said there; `highlights`, lines of text, the weightiest first, are printed on request.
        """
        return {}


class SegmentationMetric(Metric):
    """A metric over predicted and true labels."""

    @abstractmethod
    def update(self, predictions: Tensor, labels: Tensor) -> None:
        """Add a batch; both are uint8 train ids of shape (N, H, W), `IGNORE` only in `labels`."""


class TranslationMetric(Metric):
    """A metric over source images, their translations, and images of the target domain.

    Where it needs them (`PluginSpec.needs`), `start` finds in `context.source_segmenter` and `context.target_segmenter`
    the auxiliary segmenter trained on the labelled source or target images, and in `context.translator` the translator
    that is measured.
    """

    def reference(self, images: Tensor) -> None:
        """Add a batch of target images, float32 in [0, 1], shape (N, 3, H, W); called before `update`."""

    @abstractmethod
    def update(self, source: Tensor, translated: Tensor, labels: Tensor | None) -> None:
        """Add a batch of source images, their translations (same shapes) and the source labels, if any."""


@runtime_checkable
class VariantMetric(Protocol):
    """A translation metric that also looks at all stored variants of a translation, beside the first."""

    def update_variants(self, variants: Tensor) -> None:
        """Add all variants of a batch, shape (V, N, 3, H, W); called right after `update`.

        Args:
            variants: float32 RGB in [0, 1]; the first is what `update` got as `translated`. V may be 1.
        """
        ...


@runtime_checkable
class HasReferenceState(Protocol):
    """A translation metric whose work on the target images is the same for all translators, and done once for them.

    Its registry entry declares the need `reference`. One object of it, in a stage of its own, gets `start`, all target
    images by `reference`, and `save_reference`. Each object that measures a translator then gets `load_reference`
    after `start`, and no target images. In the first stage the context holds nothing else that the entry may need.
    """

    def save_reference(self, folder: Path) -> None:
        """Store in an empty folder what was computed from the target images."""
        ...

    def load_reference(self, folder: Path) -> None:
        """Load what `save_reference` of another object stored."""
        ...


@runtime_checkable
class AcceptsImageIds(Protocol):
    """A translation metric whose details name single images."""

    def name_images(self, ids: Sequence[str]) -> None:
        """Take the ids of all source images, in the order in which `update` gets them; called before `update`."""
        ...
