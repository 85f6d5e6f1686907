"""The light description under which a plugin is registered; reading it imports none of the plugin's code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict

API_VERSION = 1
"""Version of the contracts in this package; a plugin that declares another one is listed, but not run."""

Kind = Literal["translator", "segmenter", "metric", "dataset", "executor"]
KINDS: tuple[Kind, ...] = ("translator", "segmenter", "metric", "dataset", "executor")

FLOOR, CEILING = "source-only", "oracle"
"""The control rows of every matrix: no translation, and training on target labels."""
TARGET_STATISTICS = "target-statistics"
"""A control row where it is asked for: the segmenter of source-only, its normalisation statistics those of target
images (`AdaptsStatistics`)."""
CONTROLS = (FLOOR, CEILING, TARGET_STATISTICS)
"""Rows that are no plugins; no plugin may be named like one."""

RowRole = Literal["", "floor", "ceiling", "control"]
"""What a row is to the others: nothing, or what they are held against."""
ROLES: Mapping[str, RowRole] = {FLOOR: "floor", CEILING: "ceiling", TARGET_STATISTICS: "control"}

NEEDS: Mapping[str, tuple[str, ...]] = {
    "translator": ("source_labels", "paired", "source_segmenter"),
    "segmenter": ("target_images",),
    "metric": ("source_segmenter", "target_segmenter", "translator", "reference"),
}
"""What a plugin may ask for beyond its usual data, by kind; other kinds may ask for nothing.

A translator: `source_labels`, so that the source set of `fit` has labels; `paired`, so that source and target show the
same scenes under equal ids in equal order; `source_segmenter`, so that `context.source_segmenter` is the auxiliary
segmenter of the matrix, trained on the labelled source images. A segmenter: `target_images`, so that `fit` is given the
target training images without labels; a training without them is shared by all targets of a source. A metric over
translations: `source_segmenter` likewise; `target_segmenter`, so that `context.target_segmenter` is the same trained on
the labelled target images; `translator`, so that `context.translator` is the translator that is measured; `reference`,
so that its work on the target images is done once for all translators (`HasReferenceState`).
"""


@dataclass(frozen=True)
class PluginSpec:
    """One plugin, by name.

    Attributes:
        kind: Which contract the class fulfils.
        name: What users type; lower case, words joined by hyphens.
        entry: Where the class is, `"module:attribute"`; imported only when a stage needs it.
        options: Where its pydantic options class is, `"module:attribute"`, in a module that imports no heavy
            library, so that a plan can be made without them. Empty: the class's own `Options`.
        version: Changes when the same options give other results; part of every content key.
        api: The contract version it was written for.
        summary: One line for `bench plugins list`.
        paper: The publication to cite, or empty.
        needs: Words of `NEEDS[kind]`, checked before anything runs.
        measures: What a metric is over; empty: only its class knows, and both kinds of score stages are planned.
        values: Names of a metric's values, so that a plan finds names that two metrics share; must be those of its
            class. Empty: only its class knows.
        trains: Whether a translator or segmenter learns by seeing images again and again. Its length is then bound
            by the budget through an option `images_seen`; a plan warns where there is none.
        default: Whether a metric belongs to every matrix that names none.
        preload: Whether importing the plugin computes nothing, starts nothing and uses no GPU, so that an executor
            may import it once for all stages.
        distribution: The package it came with; filled in by the registry.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    kind: Kind
    name: str
    entry: str
    options: str = ""
    version: str = "1"
    api: int = API_VERSION
    summary: str = ""
    paper: str = ""
    needs: tuple[str, ...] = ()
    measures: Literal["", "translation", "segmentation"] = ""
    values: tuple[str, ...] = ()
    trains: bool = True
    default: bool = False
    preload: bool = False
    distribution: str = ""
