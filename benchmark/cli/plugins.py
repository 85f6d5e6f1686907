"""`bench plugins`: what is registered, and what can be set."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import click

from benchmark.api.spec import KINDS
from benchmark.cli.option_table import option_rows
from benchmark.cli.prose_table import prose_table
from benchmark.config.overrides import SECTIONS
from benchmark.errors import PluginError, UsageError, did_you_mean, display_path
from benchmark.registry.entries import PluginEntry
from benchmark.registry.packaged_files import config_files, shipped_path
from benchmark.registry.registry import SHIPPED, Registry, load_registry
from benchmark.report.terminal import console
from benchmark.toml_models import read_toml

JSON_FIELDS = ("name", "kind", "version", "distribution", "state", "error")

CONFIGS = {"budget": "budgets", "matrix": "matrices"}
"""Kinds of configuration files that can be listed, and their folders in `configs`."""
_LISTED = (*KINDS, "scenario", *CONFIGS)


@click.group()
def command() -> None:
    """List plugins, and show the options of one."""


@command.command("list")
@click.argument("pattern", default="*")
@click.option("--kind", type=click.Choice(_LISTED), help="Only this kind; without it, all kinds of plugins.")
@click.option("--json", "as_json", is_flag=True, help="Print an array for programs.")
def list_plugins(pattern: str, kind: str | None, as_json: bool) -> None:
    """List plugins whose name matches PATTERN, as in 'cycle*'.

    None of them is imported: "ok" is what is registered well. `bench plugins info NAME` imports one. With --kind
    scenario, budget or matrix, list what there is of these.
    """
    registry = load_registry()
    known = _configurations(registry, kind) if kind in ("scenario", *CONFIGS) else registry.entries()
    entries = [entry for entry in known if fnmatchcase(entry.name, pattern) and kind in (None, entry.kind)]
    if as_json:
        tables = []
        for entry in entries:
            fields = {name: getattr(entry, name) for name in JSON_FIELDS}
            tables.append(fields)
        click.echo(json.dumps(tables, indent=2))
    elif entries:
        _print(("name", "kind", "version", "from", "state", "summary"), [_list_row(entry) for entry in entries])
    else:
        click.echo(f"no {kind or 'plugin'} matches '{pattern}'", err=True)


@command.command("info")
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), help="Only a plugin of this kind.")
def plugin_info(name: str, kind: str | None) -> None:
    """Show the plugin NAME with all its options."""
    registry = load_registry()
    named = [entry for entry in registry.entries() if entry.name == name and kind in (None, entry.kind)]
    if not named:
        if kind:
            registry.find(kind, name)
        guess = did_you_mean(name, {entry.name for entry in registry.entries()})
        raise PluginError(f"plugin '{name}' is not known.{guess}  (bench plugins list)")
    for number, entry in enumerate(named):
        if number:
            click.echo()
        _show(entry, registry)


def _configurations(registry: Registry, kind: str) -> list[PluginEntry]:
    """Scenarios, budgets or matrices, as entries of the list."""
    if kind == "scenario":
        scenarios = registry.scenarios().values()
        return [PluginEntry(each.name, kind, "", "", summary=each.summary) for each in scenarios]
    return [_configuration(path, kind) for path in config_files(CONFIGS[kind], registry.project)]


def _configuration(path: Path, kind: str) -> PluginEntry:
    place = SHIPPED if path.is_relative_to(shipped_path("configs")) else display_path(path.parent)
    try:
        summary = str(read_toml(path).get("summary", ""))
    except UsageError as error:
        return PluginEntry(path.stem, kind, "", place, "broken", str(error))
    return PluginEntry(path.stem, kind, "", place, summary=summary)


def _list_row(entry: PluginEntry) -> tuple[str, ...]:
    usual = " (usual)" if entry.spec and entry.spec.default else ""
    summary = (entry.error or entry.summary) + usual
    return entry.name, entry.kind, entry.version, entry.distribution, entry.state, summary


def _show(entry: PluginEntry, registry: Registry) -> None:
    entry = _entry_after_import(entry, registry)
    facts = {"kind": entry.kind, "version": entry.version, "from": entry.distribution, "state": entry.state}
    if entry.spec is not None:
        facts |= {"needs": ", ".join(entry.spec.needs) or "nothing beyond images", "paper": entry.spec.paper}
    click.echo(entry.name)
    if entry.spec is not None and entry.spec.summary:
        click.echo(entry.spec.summary)
    for name, value in facts.items():
        if value:
            click.echo(f"  {name:<8} {value}")
    if entry.error:
        click.echo(f"  {'error':<8} {entry.error}")
    if entry.state == "ok" and entry.spec is not None:
        _show_options(entry, option_rows(registry.options_class(entry.spec)))


def _entry_after_import(entry: PluginEntry, registry: Registry) -> PluginEntry:
    """The entry of a plugin after its code was imported: "broken" with the reason where that fails.

    Of shipped plugins only the options are imported; their classes take seconds.
    """
    if entry.state != "ok" or entry.spec is None:
        return entry
    try:
        registry.options_class(entry.spec)
        if entry.distribution != SHIPPED:
            registry.load(entry.spec)
    except PluginError as error:
        return replace(entry, state="broken", error=str(error))
    return entry


def _print(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    for line in prose_table(headings, rows, console().width):
        click.echo(line)


def _show_options(entry: PluginEntry, rows: list[tuple[str, ...]]) -> None:
    click.echo()
    if not rows:
        click.echo("It has no options.")
        return
    _print(("option", "type", "default", "unit", "limits", "meaning"), rows)
    if entry.kind in SECTIONS:
        click.echo(f"Set one with --set {entry.kind}.{entry.name}.OPTION=VALUE, or in [{entry.kind}.{entry.name}].")
