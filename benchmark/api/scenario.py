"""A scenario: which labelled images are the source, which unlabelled ones the target, at which size."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveInt

LONGEST_NAME = 60


def check_row_name(name: str, what: str) -> str:
    """The name, which is also part of names of files; `ValueError` when a scenario or a row cannot be called so."""
    if not re.fullmatch(rf"[A-Za-z0-9][A-Za-z0-9._+-]{{0,{LONGEST_NAME - 1}}}", name):
        shortened = name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}..."
        raise ValueError(
            f"{what} is made of letters, digits and . _ + -, at most {LONGEST_NAME} of them, but is {shortened!r}"
        )
    return name


def _check_expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"expected a regular expression, but {text!r} is none: {error}") from error
    return text


class Side(BaseModel):
    """One domain of a scenario: a data set, its options, and its splits.

    Attributes:
        dataset: Name of a dataset plugin.
        options: Options of that plugin.
        train: Split to learn from. On the target side its labels are used by the oracle alone.
        test: Split to evaluate on (target side), or to choose a checkpoint by (source side).
        group: A regular expression that finds in the id of a test image the group that it belongs to, such as a video
            sequence: images of a group are not independent, and intervals take whole groups. The group is what the
            expression's first pair of parentheses matches, or the whole match without one. Empty: each image is a
            group of its own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: str
    options: dict[str, Any] = Field(default_factory=dict)
    train: str = "train"
    test: str = "val"
    group: Annotated[str, AfterValidator(_check_expression)] = ""


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

    name: Annotated[str, AfterValidator(lambda name: check_row_name(name, "the name of a scenario"))]
    summary: str = ""
    size: tuple[PositiveInt, PositiveInt]
    paired: bool = False
    checkpoint: Literal["last", "source-val", "oracle-val"] = "last"
    score_translations: Literal["train", "test"] = "train"
    evaluate: Literal["scenario", "native"] = "scenario"
    source: Side
    target: Side
