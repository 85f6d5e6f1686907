"""Fields of a record that boards read, as strict models; further fields are free."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

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


class ImageCounts(_Part):
    """Pixel counts of each test image by class, of which IoU is the ratio."""

    intersection: list[list[Count]]
    union: list[list[Count]]

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        rows = [len(row) for row in self.intersection]
        if not rows or rows != [len(row) for row in self.union] or len(set(rows)) > 1:
            raise ValueError("expected tables of one size in both 'intersection' and 'union'")
        return self


class Details(_Part):
    """What `Metric.details` may say to boards.

    Attributes:
        image_counts: Of a segmentation metric, pixel counts by test image and class, from which mIoU follows.
    """

    iou: dict[str, Finite | None] = {}
    image_counts: ImageCounts | None = None
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
    segmenter_seed: Count = 0
    test_groups: list[str | int] | None = None
    role: Literal["", "floor", "ceiling", "control"] = ""
    family: str = ""
    notes: list[str] = []
