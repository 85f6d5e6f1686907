"""Budgets: one length of training for every plugin, and sizes that fit it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from benchmark.api.stage_context import RequestedDevice
from benchmark.config.overrides import Setting, Subject, table_settings
from benchmark.errors import UsageError, display_path
from benchmark.registry.packaged_files import find_config, is_path
from benchmark.registry.registry import BudgetTables, Registry
from benchmark.toml_models import in_file, read_toml, validate

LENGTH = "images_seen"
"""The option by which a budget binds the length of every training."""
DIGEST_LENGTH = 16

OptionTables = dict[str, dict[str, Any]]
"""Options by name; the name `"*"` addresses whatever has the option."""


class BudgetFile(BaseModel):
    """A budget file: options by section and name."""

    model_config = ConfigDict(extra="forbid")

    summary: str = ""
    scenario: OptionTables = {}
    translator: OptionTables = {}
    segmenter: OptionTables = {}
    metric: OptionTables = {}


@dataclass(frozen=True)
class Budget:
    """What a budget sets.

    Attributes:
        name: Stem of its file.
        digest: Hash of the tables of its file. Tables that packages bring for their own plugins are no part of it:
            whether such a package is installed says nothing about the rows of other plugins.
        settings: All settings, those of packages first, so that the budget's own file wins.
        own: The settings of the budget's own file.
    """

    name: str
    digest: str
    settings: tuple[Setting, ...]
    own: tuple[Setting, ...]


def read_budget(name: str, registry: Registry, subjects: Collection[Subject]) -> Budget:
    """A budget by name or path, with the tables that packages and the project add to it.

    Args:
        name: A name, or the path of a TOML file. A file given by path stands alone.
        registry: Whose plugins may bring tables of their own.
        subjects: What the matrix uses; tables of other plugins are not read.

    Raises:
        UsageError: A file cannot be read or does not fit, or a package's table addresses a plugin of another.
    """
    path = find_config("budgets", name, registry.project, first=True)
    file = validate(BudgetFile, read_toml(path), in_file(path))
    own = table_settings(file.model_dump(), in_file(path))
    used = {(subject.section, subject.name) for subject in subjects}
    further: list[Setting] = []
    for tables in [] if is_path(name) else registry.budget_tables(name):
        if tables.path != path and used & tables.owned:
            further += _further_settings(tables, name)
    return Budget(path.stem, _digest(file), (*further, *own), tuple(own))


def _further_settings(tables: BudgetTables, budget: str) -> list[Setting]:
    """Settings that a package adds to a budget; only its own plugins and scenarios are allowed."""
    file = validate(BudgetFile, read_toml(tables.path), in_file(tables.path))
    settings = table_settings(file.model_dump(), in_file(tables.path))
    for setting in settings:
        if (setting.section, setting.name) not in tables.owned:
            owned = ", ".join(sorted(f"{section}.{name}" for section, name in tables.owned))
            raise UsageError(
                f"{setting.where}: {display_path(tables.path)} adds to budget '{budget}', and may have tables of what "
                f"{tables.distribution} registers alone: {owned}. For a budget of its own, give the file another name"
            )
    return settings


def _digest(file: BudgetFile) -> str:
    # of the values, so that comments and the order of tables in the file do not count
    text = json.dumps(file.model_dump(exclude={"summary"}), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def default_budget(device: RequestedDevice, *, has_gpu: bool) -> str:
    """The budget for a requested device, on a machine with or without a GPU."""
    on_gpu = has_gpu if device == "auto" else device == "cuda"
    return "gpu" if on_gpu else "cpu"
