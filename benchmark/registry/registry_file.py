"""A `registry.toml` as a plugin: what a package says in code, a file says in tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from benchmark.api.hookspecs import hookimpl
from benchmark.api.spec import API_VERSION, KINDS, Kind, PluginSpec
from benchmark.registry.import_string import resolve_relative_entry
from benchmark.toml_models import in_file, read_toml, validated


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")

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

    def spec(self, kind: Kind, folder: Path) -> PluginSpec:
        fields = self.model_dump()
        fields["entry"] = resolve_relative_entry(self.entry, folder)
        fields["options"] = resolve_relative_entry(self.options, folder)
        return PluginSpec(kind, **fields)


class _RegistryTables(BaseModel):
    model_config = ConfigDict(extra="forbid")

    translator: list[_Row] = []
    segmenter: list[_Row] = []
    metric: list[_Row] = []
    dataset: list[_Row] = []
    executor: list[_Row] = []


class RegistryFile:
    """A `registry.toml` as a plugin: what a package says in code, a file says in tables.

    Args:
        path: The file; missing is empty.
        scenarios: The folder of scenario files that belongs to it.
    """

    def __init__(self, path: Path, scenarios: Path) -> None:
        tables = validated(_RegistryTables, read_toml(path) if path.exists() else {}, in_file(path))
        self._specs = [row.spec(kind, path.parent) for kind in KINDS for row in getattr(tables, kind)]
        self._scenarios = scenarios

    @hookimpl
    def bench_register_plugins(self) -> Sequence[PluginSpec]:
        """The plugins of the file."""
        return self._specs

    @hookimpl
    def bench_register_scenarios(self) -> Sequence[Path]:
        """The scenario files beside it."""
        return sorted(self._scenarios.glob("*.toml"))
