"""Scenarios are data: one TOML file each."""

from __future__ import annotations

from pathlib import Path

from benchmark.api.scenario import Scenario
from benchmark.toml_models import in_file, read_toml, validate


def read_scenario(path: Path) -> Scenario:
    """The scenario in a TOML file, named after the file unless it says otherwise; `UsageError` when it does not fit."""
    return validate(Scenario, {"name": path.stem, **read_toml(path)}, in_file(path))
