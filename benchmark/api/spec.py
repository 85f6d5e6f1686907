"""The light description under which a plugin is registered; reading it imports none of the plugin's code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

API_VERSION = 1
"""Version of the contracts in this package; a plugin that declares another one is listed, but not run."""

Kind = Literal["translator", "segmenter", "metric", "dataset", "executor"]
KINDS: tuple[Kind, ...] = ("translator", "segmenter", "metric", "dataset", "executor")

FLOOR, CEILING = CONTROLS = ("source-only", "oracle")
"""Rows that belong to every matrix, and names no plugin may have: no translation, and training on target labels."""

NEEDS: Mapping[str, tuple[str, ...]] = {
    "translator": ("source_labels", "paired", "source_segmenter"),
    "metric": ("target_segmenter", "translator", "reference"),
}
"""What a plugin may ask for beyond its usual data, by kind; other kinds may ask for nothing.

A translator: `source_labels`, so that the source set of `fit` has labels; `paired`, so that source and target show the
same scenes under equal ids in equal order; `source_segmenter`, so that `context.source_segmenter` is the auxiliary
segmenter of the matrix, trained on the labelled source images. A metric over translations: `target_segmenter`, so that
`context.target_segmenter` is the same trained on the labelled target images; `translator`, so that
`context.translator` is the translator that is measured; `reference`, so that its work on the target images is done
once for all translators (`HasReferenceState`).
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
        distribution: The package it came with; filled in by the registry.
    """

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
    distribution: str = ""
