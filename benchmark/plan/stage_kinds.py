"""The kinds of stages: the one place that says what each is called, who does its work, and how it is treated.

A new kind is a function that does its work and an entry in `STAGE_KINDS`; the planner then adds stages of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pkgutil import resolve_name

from benchmark.api.spec import CEILING, FLOOR, Kind


@dataclass(frozen=True)
class StageKind:
    """A kind of stage.

    Attributes:
        name: Part of keys, folders and records.
        format: Part of keys; raised when the work changes, so that stages of an older format are not reused.
        title: What tables and the live display call it.
        work: `"module:function"` of the function that does the work. It is called with the specification of the
            stage, the folders of its inputs by role, its `StageContext` and the registry.
        plugin: Kind of plugin that a stage of this kind runs.
        trains: Whether it is a training, whose cost leaderboards report.
        needs_gpu: Whether it computes with torch, on a GPU where there is one.
        essential: Whether a cell fails when its stage of this kind fails.
        scores: Whether it leaves values of a metric. If it fails, these values are missing, and nothing else.
        value_suffix: What it adds to the names of the metric's values.
        urgent: Whether it runs before other stages that could start: it is short and completes a cell.
    """

    name: str
    format: int
    title: str
    work: str
    plugin: Kind
    trains: bool = False
    needs_gpu: bool = True
    essential: bool = False
    scores: bool = False
    value_suffix: str = ""
    urgent: bool = False

    def import_work(self) -> Callable[..., None]:
        """The function that does the work; imports its module, and with it heavy libraries."""
        work: Callable[..., None] = resolve_name(self.work)
        return work


PREPARE, TRANSLATE, PREDICT, REFERENCE = "prepare", "translate", "predict", "reference"
FIT_TRANSLATOR, FIT_SEGMENTER = "fit-translator", "fit-segmenter"
ADAPT_SEGMENTER = "adapt-segmenter"
SCORE_TRANSLATION, SCORE_SEGMENTATION = "score-translation", "score-segmentation"
SCORE_SEGMENTATION_NATIVE = "score-segmentation-native"
SCORE_SEGMENTATION_SOURCE = "score-segmentation-source"

STAGE_KINDS: dict[str, StageKind] = {
    kind.name: kind
    for kind in (
        StageKind(PREPARE, 1, "prepare", "benchmark.stages.preparation:prepare", "dataset", needs_gpu=False),
        StageKind(
            FIT_TRANSLATOR, 1, "fit-translator", "benchmark.stages.training:fit_translator", "translator", trains=True
        ),
        StageKind(TRANSLATE, 1, "translate", "benchmark.stages.training:translate", "translator"),
        StageKind(
            FIT_SEGMENTER, 1, "fit-segmenter", "benchmark.stages.training:fit_segmenter", "segmenter", trains=True
        ),
        StageKind(ADAPT_SEGMENTER, 1, "adapt-segmenter", "benchmark.stages.training:adapt_segmenter", "segmenter"),
        StageKind(
            PREDICT, 1, "predict", "benchmark.stages.prediction:predict", "segmenter", essential=True, urgent=True
        ),
        StageKind(REFERENCE, 1, "reference", "benchmark.stages.scoring:reference", "metric"),
        StageKind(
            SCORE_TRANSLATION,
            2,
            "score-translation",
            "benchmark.stages.scoring:score_translation",
            "metric",
            scores=True,
        ),
        StageKind(
            SCORE_SEGMENTATION,
            2,
            "score-segmentation",
            "benchmark.stages.scoring:score_segmentation",
            "metric",
            scores=True,
            urgent=True,
        ),
        StageKind(
            SCORE_SEGMENTATION_NATIVE,
            1,
            "score-segmentation-native",
            "benchmark.stages.native_scoring:score_segmentation_native",
            "metric",
            scores=True,
            value_suffix="_native",
        ),
        StageKind(
            SCORE_SEGMENTATION_SOURCE,
            1,
            "score-segmentation-source",
            "benchmark.stages.scoring:score_segmentation_source",
            "metric",
            scores=True,
            value_suffix="_source",
        ),
    )
}


def training_kinds() -> list[StageKind]:
    """The kinds that train something."""
    return [kind for kind in STAGE_KINDS.values() if kind.trains]


class Role(str):
    """What a stage is to a cell: its kind, and a purpose where a cell has several stages of the kind.

    A role is its own text, `"kind"` or `"kind:purpose"`, so that it is a name in JSON as it stands.

    >>> role = Role("translate", "test")
    >>> role, role.kind, role.purpose, Role.parse("translate").purpose
    ('translate:test', 'translate', 'test', '')
    """

    __slots__ = ("kind", "purpose")
    kind: str
    purpose: str

    def __new__(cls, kind: str, purpose: str = "") -> Role:
        """The role of a kind, for a purpose."""
        role = super().__new__(cls, f"{kind}:{purpose}" if purpose else kind)
        role.kind, role.purpose = kind, purpose
        return role

    # called by pickle and copy, which would else hand the text to `__new__` as a kind
    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]
        return self.kind, self.purpose

    @classmethod
    def parse(cls, text: str) -> Role:
        """The role written as a text."""
        return cls(*text.split(":", 1))


SOURCE_SEGMENTER, TARGET_SEGMENTER = Role(FIT_SEGMENTER, FLOOR), Role(FIT_SEGMENTER, CEILING)
"""Roles of the auxiliary segmenter in a cell: trained on source images for its translator, on target images for its
metrics."""
METRICS_SOURCE_SEGMENTER = Role(FIT_SEGMENTER, f"{FLOOR} for metrics")
"""Role of the auxiliary segmenter trained on source images, where only metrics need it."""
METRICS_SEGMENTERS = (TARGET_SEGMENTER, METRICS_SOURCE_SEGMENTER)
"""Trainings that are no part of a cell's work: without metrics, they would not be there."""
HELD_OUT = Role(TRANSLATE, "test")
"""Role of the translated source test split."""
PREDICT_SOURCE = Role(PREDICT, "source")
"""Role of the predictions on the source test split, translated as the training images were."""
