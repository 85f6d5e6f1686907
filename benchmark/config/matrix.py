"""Data model of a resolved matrix, in which every option has a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from benchmark.api.scenario import Scenario
from benchmark.api.stage_context import RequestedDevice, RequestedPrecision

Output = Literal["target", "source"]
"""What a row's segmenter is trained on: see `PluginConfig.output`."""
SEGMENTER_SEED_STEP = 10_000
"""Added to the seed of a translator for each further segmenter that is trained on its translations."""


@dataclass(frozen=True)
class PluginConfig:
    """A plugin with its options, as one matrix uses it.

    Attributes:
        kind: Kind of the plugin; "control" for a row of `CONTROLS`.
        name: Name of the plugin.
        alias: Name of this row or column: the plugin's, unless a matrix uses it in several variants.
        version: Declared version of the plugin.
        options: All options, defaults included, as JSON values.
        runtime_options: Names of those that do not change the outcome.
        off_budget: Names of the others that the matrix file or `--set` gave another value than the budget does.
        code: Digest of its files where it is given as a file; the planner fills it in.
        family: Of a segmenter: those of one family share their control rows; its alias where nothing is said.
        output: Of a translator: what its row is trained on, translations to the look of the target, or source images
            that the way back, which gives the look of the source, was applied to (`Invertible`); a control.
    """

    kind: str
    name: str
    alias: str
    version: str
    options: dict[str, Any]
    runtime_options: tuple[str, ...] = ()
    off_budget: tuple[str, ...] = ()
    code: str = ""
    family: str = ""
    output: Output = "target"


@dataclass(frozen=True)
class Matrix:
    """Scenarios x translators x segmenters x seeds, resolved.

    Attributes:
        scenarios: With the data set options of both sides resolved.
        translators: The controls among them.
        segmenters, metrics: In the order they were asked for.
        auxiliary_segmenter: The segmenter that translators and metrics are given where they need one.
        seeds: Of translators; comparisons are paired by seed.
        segmenter_seeds: How many segmenters are trained on the translations of each seed.
        budget: Name of the budget.
        precision, device: What was asked for; "auto" is decided where a stage runs.
        timeout: Seconds a stage may take, or None.
        budget_digest: Hash of what the budget sets: two budgets of one name may differ, and one may be renamed.
        executor: What runs the stages; None leaves it to the caller.
        threads: CPU threads of every stage; sums over threads differ in their last bits, so trainings depend on it.
        source_scores: Whether segmenters are also measured on the source test split, translated as the images that they
            were trained on: a measure of their quality that needs no target labels.
        warnings: What a user should know before the matrix runs.
    """

    scenarios: tuple[Scenario, ...]
    translators: tuple[PluginConfig, ...]
    segmenters: tuple[PluginConfig, ...]
    metrics: tuple[PluginConfig, ...]
    auxiliary_segmenter: PluginConfig
    seeds: tuple[int, ...]
    budget: str
    precision: RequestedPrecision = "auto"
    device: RequestedDevice = "auto"
    timeout: float | None = None
    budget_digest: str = ""
    executor: PluginConfig | None = None
    threads: int = 1
    segmenter_seeds: int = 1
    source_scores: bool = False
    warnings: tuple[str, ...] = ()
