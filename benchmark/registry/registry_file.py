"""A `registry.toml` as a plugin: what a package says in code, a file says in tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from benchmark.api.hookspecs import hookimpl
from benchmark.api.spec import KINDS, PluginSpec
from benchmark.registry.import_string import resolve_relative_entry, resolve_relative_file
from benchmark.toml_models import in_file, read_toml, validate


class _RegistryTables(BaseModel):
    """The form of the file: a list of tables for each kind of plugin, whose keys are the fields of a `PluginSpec`."""

    model_config = ConfigDict(extra="forbid")

    hooks: tuple[str, ...] = ()
    translator: list[PluginSpec] = []
    segmenter: list[PluginSpec] = []
    metric: list[PluginSpec] = []
    dataset: list[PluginSpec] = []
    executor: list[PluginSpec] = []

    @field_validator(*KINDS, mode="before")
    @classmethod
    def _add_kind(cls, rows: Any, info: ValidationInfo) -> Any:
        if not isinstance(rows, list):
            return rows
        for row in rows:
            if isinstance(row, dict) and (implied := {"kind", "distribution"} & row.keys()):
                raise ValueError(f"'{min(implied)}' is not written here")
        return [{"kind": info.field_name, **row} if isinstance(row, dict) else row for row in rows]


class RegistryFile:
    """A `registry.toml` as a plugin: what a package says in code, a file says in tables.

    Args:
        path: The file; missing is empty.
        configs: The folder whose `scenarios` and `budgets` belong to it.

    Attributes:
        hooks: Modules or files of Python code with further hooks, as import strings without an attribute.
    """

    def __init__(self, path: Path, configs: Path) -> None:
        tables = validate(_RegistryTables, read_toml(path) if path.exists() else {}, in_file(path))
        self._specs: list[PluginSpec] = []
        for kind in KINDS:
            self._specs += [_resolve_entries(spec, path.parent) for spec in getattr(tables, kind)]
        self._configs = configs
        self.hooks = [resolve_relative_file(place, path.parent) for place in tables.hooks]

    @hookimpl
    def bench_register_plugins(self) -> Sequence[PluginSpec]:
        """The plugins of the file."""
        return self._specs

    @hookimpl
    def bench_register_scenarios(self) -> Sequence[Path]:
        """The scenario files beside it."""
        return sorted((self._configs / "scenarios").glob("*.toml"))

    @hookimpl
    def bench_register_budgets(self) -> Mapping[str, Path]:
        """The budget files beside it; one of the name of a shipped budget adds to that."""
        return {path.stem: path for path in sorted((self._configs / "budgets").glob("*.toml"))}


def _resolve_entries(spec: PluginSpec, folder: Path) -> PluginSpec:
    entry = resolve_relative_entry(spec.entry, folder)
    return replace(spec, entry=entry, options=resolve_relative_entry(spec.options, folder))
