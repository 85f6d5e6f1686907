"""What to run: matrix file, budget and command line, resolved to plain values that are stored with each result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from benchmark.contracts.scenario import Scenario

Device = Literal["auto", "cpu", "cuda"]
RequestedPrecision = Literal["auto", "fp32", "bf16"]

CONTROLS = ("source-only", "oracle")
"""The rows that belong to every matrix: no translation (the floor), and training on target labels (the ceiling)."""


@dataclass(frozen=True)
class Choice:
    """A plugin with its options, as one matrix uses it.

    Attributes:
        kind: Kind of the plugin; "control" for a row of `CONTROLS`.
        name: Name of the plugin.
        label: Name of this row or column: the plugin's, unless a matrix uses it in several variants.
        version: Declared version of the plugin.
        options: All options, defaults included, as JSON values.
    """

    kind: str
    name: str
    label: str
    version: str
    options: dict[str, Any]


@dataclass(frozen=True)
class Matrix:
    """Scenarios x translators x segmenters x seeds, resolved.

    Attributes:
        scenarios: With the data set options of both sides resolved.
        translators: The controls among them.
        segmenters, metrics: In the order they were asked for.
        seeds: Comparisons are paired by seed.
        budget: Name of the budget.
        precision, device: What was asked for; "auto" is decided where a stage runs.
        timeout: Seconds a stage may take, or None.
    """

    scenarios: tuple[Scenario, ...]
    translators: tuple[Choice, ...]
    segmenters: tuple[Choice, ...]
    metrics: tuple[Choice, ...]
    seeds: tuple[int, ...]
    budget: str
    precision: RequestedPrecision = "auto"
    device: Device = "auto"
    timeout: float | None = None
