"""A scenario: which labelled images are the source, which unlabelled ones the target, at which size."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt


class Side(BaseModel):
    """One domain of a scenario: a data set, its options, and its splits.

    Attributes:
        dataset: Name of a dataset plugin.
        options: Options of that plugin.
        train: Split to learn from. On the target side its labels are used by the oracle alone.
        test: Split to evaluate on (target side), or to choose a checkpoint by (source side).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: str
    options: dict[str, Any] = Field(default_factory=dict)
    train: str = "train"
    test: str = "val"


class Scenario(BaseModel):
    """A pair of domains to adapt between.

    Attributes:
        name: What users type.
        summary: One line for lists.
        size: Height and width in pixels to which all images are brought, once.
        paired: Source and target images of equal ids show the same scene.
        checkpoint: Which weights of a segmenter are evaluated: the last ones, the best on the (translated)
            source test split, or the best on the labelled target test split; the last is flagged in tables.
        score_translations: The source split whose translations are measured and pictured: the one that translators
            learn from, against the target's training images, or the one they never saw, against the target's test
            images.
        evaluate: At which size predictions are measured: that of the scenario, or also, as further values, that of
            the labels as the data set has them, where papers measure.
        source, target: The two domains.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    summary: str = ""
    size: tuple[PositiveInt, PositiveInt]
    paired: bool = False
    checkpoint: Literal["last", "source-val", "oracle-val"] = "last"
    score_translations: Literal["train", "test"] = "train"
    evaluate: Literal["scenario", "native"] = "scenario"
    source: Side
    target: Side
