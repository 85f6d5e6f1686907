"""Fields of a record that boards read, as strict models; further fields are free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

SCHEMA = 2
"""Of the records that this version writes; `migration` reads schema 1."""
Finite = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, lt=2**63)]


class _Part(BaseModel):
    """Fields that boards read, with strict types; further fields pass as they are."""

    model_config = ConfigDict(extra="allow", strict=True)


class Facts(_Part):
    """Facts of a stage that boards read, as `StageContext.report` and the worker noted them."""

    images_seen: Count | None = None
    images_per_second: Finite | None = None
    peak_memory_bytes: Finite | None = None
    peak_gpu_memory_bytes: Finite | None = None


def _image_counts(images: Any) -> Any:
    """Counts of single images as they came, checked; what else a metric calls `images` passes."""
    if not isinstance(images, Mapping) or "intersection" not in images:
        return images
    intersection, union = images["intersection"], images.get("union")
    widths = _widths(intersection), _widths(union)
    if widths[0] != widths[1] or len(set(widths[0])) != 1:
        raise ValueError("expected tables of whole numbers, of one size, in both 'intersection' and 'union'")
    return images


def _widths(table: Any) -> list[int]:
    """Lengths of the rows of a table of counts; none where it is something else."""
    if not isinstance(table, list):
        return []
    for row in table:
        if not isinstance(row, list) or not all(type(count) is int and 0 <= count < 2**63 for count in row):
            return []
    return [len(row) for row in table]


class Details(_Part):
    """What `Metric.details` may say to boards.

    Attributes:
        images: Of a segmentation metric, pixel counts by test image and class, from which mIoU follows:
            {"intersection": [[int, ...], ...], "union": [[int, ...], ...]}.
    """

    iou: dict[str, Finite | None] = {}
    images: Annotated[Any, AfterValidator(_image_counts)] = None
    note: str = ""
    conditions: dict[str, Any] = {}
    highlights: list[str] = []


class StageEntry(_Part):
    """One stage of a cell; `provenance` is None where its machine and code are not known."""

    key: str
    seconds: Finite | None = None
    device: str | None = None
    precision: str | None = None
    facts: Facts = Facts()
    pictures: list[str] = []
    provenance: dict[str, Any] | None = None


class ValueEntry(_Part):
    """What a number means: the fields of `benchmark.Value`, and what its metric measures."""

    summary: str = ""
    higher_is_better: bool = True
    low: float | None = None
    high: float | None = None
    headline: bool = True
    heading: str = ""
    unit: str = ""
    decimals: Annotated[int, Field(ge=0, le=12)] | None = None
    measures: str = ""


class PluginEntry(_Part):
    """A plugin with its options; `off_budget` names those that were set to something else than the budget says."""

    name: str
    options: dict[str, Any] = {}
    off_budget: list[str] = []


class ScenarioEntry(_Part):
    """The scenario of a cell."""

    score_translations: str = "train"


class ConfigEntry(_Part):
    """The configuration of a cell."""

    scenario: ScenarioEntry
    translator: PluginEntry
    segmenter: PluginEntry
    metrics: list[PluginEntry] = []


class Cost(_Part):
    """What a cell took."""

    seconds: Finite | None = None


class Provenance(_Part):
    """When and with which versions a record was written."""

    time: str = ""


class Budget(_Part):
    """Name of the budget, and a digest of what it sets; None where that is not known."""

    name: str
    digest: str | None = None


class ImagesSeen(_Part):
    """How many images each training of a cell saw; None without a training, or where it is not known."""

    translator: Count | None = None
    segmenter: Count | None = None


class _Cell(_Part):
    """What records of all schemas have."""

    cell: str
    config_key: str
    scenario: str
    classes: list[str]
    size: list[Count]
    checkpoint: str
    translator: str
    segmenter: str
    seed: Annotated[int, Field(gt=-(2**63), lt=2**63)]
    status: str
    reason: str | None = None
    log_tail: list[str] = []
    metrics: dict[str, float]
    missing: dict[str, str]
    values: dict[str, ValueEntry]
    details: dict[str, Details]
    config: ConfigEntry
    stages: dict[str, StageEntry]
    cost: Cost
    provenance: Provenance = Provenance()


class CellOfSchema1(_Cell):
    """A record as it was written before budgets and data had digests."""

    budget: str


class CellOfSchema2(_Cell):
    """A record as it is written now.

    Attributes:
        data: Fingerprints by side and split ("source train"); None where they are not known.
        segmenter_seed: Number of the segmenter among those trained on the translations of translator seed `seed`.
        test_groups: A label for each test image; images of one label are not independent. None: all are.
        role: What other rows are held against it for; "" where its translator is no control.
        family: Segmenters of one family share their control rows; "" for the alias of the segmenter.
        notes: What was left out of the record because it had the wrong type.
    """

    budget: Budget
    data: dict[str, str] | None = None
    images_seen: ImagesSeen = ImagesSeen()
    segmenter_seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    test_groups: list[str | int] | None = None
    role: Literal["", "floor", "ceiling", "control"] = ""
    family: str = ""
    notes: list[str] = []
