"""`bench plugins`: what is registered, and what can be set."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

import click

from benchmark.api.spec import KINDS
from benchmark.cli.option_table import option_rows
from benchmark.errors import PluginError, did_you_mean
from benchmark.registry.entries import PluginEntry
from benchmark.registry.registry import SHIPPED, Registry, load_registry
from benchmark.report.tables import TextTable
from benchmark.report.terminal import console, print_grid

JSON_FIELDS = ("name", "kind", "version", "distribution", "state", "error")

_kind = click.option("--kind", type=click.Choice(KINDS), help="Only plugins of this kind.")


@click.group()
def command() -> None:
    """List plugins, and show the options of one."""


@command.command("list")
@click.argument("pattern", default="*")
@_kind
@click.option("--json", "as_json", is_flag=True, help="Print an array for programs.")
def list_plugins(pattern: str, kind: str | None, as_json: bool) -> None:
    """List plugins whose name matches PATTERN, as in 'cycle*'.

    None of them is imported: "ok" is what is registered well. `bench plugins info NAME` imports one.
    """
    entries = [entry for entry in load_registry().entries() if fnmatchcase(entry.name, pattern)]
    entries = [entry for entry in entries if kind in (None, entry.kind)]
    if as_json:
        click.echo(json.dumps([{field: getattr(entry, field) for field in JSON_FIELDS} for entry in entries], indent=2))
    elif entries:
        _print(("name", "kind", "version", "from", "state", "summary"), [_list_row(entry) for entry in entries])
    else:
        click.echo(f"no plugin matches '{pattern}'", err=True)


@command.command("info")
@click.argument("name")
@_kind
def plugin_info(name: str, kind: str | None) -> None:
    """Show the plugin NAME with all its options."""
    registry = load_registry()
    named = [entry for entry in registry.entries() if entry.name == name and kind in (None, entry.kind)]
    if not named:
        guess = did_you_mean(name, {entry.name for entry in registry.entries()})
        of_kind = f" --kind {kind}" if kind else ""
        raise PluginError(f"{kind or 'plugin'} '{name}' is not known.{guess}  (bench plugins list{of_kind})")
    for number, entry in enumerate(named):
        if number:
            click.echo()
        _show(entry, registry)


def _list_row(entry: PluginEntry) -> tuple[str, ...]:
    meaning = entry.error or (entry.spec.summary if entry.spec else "")
    return entry.name, entry.kind, entry.version, entry.distribution, entry.state, meaning


def _show(entry: PluginEntry, registry: Registry) -> None:
    entry = _imported(entry, registry)
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


def _imported(entry: PluginEntry, registry: Registry) -> PluginEntry:
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
    print_grid(TextTable("", headings, tuple(rows), fixed=len(headings)), console())


def _show_options(entry: PluginEntry, rows: list[tuple[str, ...]]) -> None:
    click.echo()
    if not rows:
        click.echo("It has no options.")
        return
    _print(("option", "type", "default", "unit", "limits", "meaning"), rows)
    if entry.kind in ("translator", "segmenter", "metric"):
        click.echo(f"Set one with --set {entry.kind}.{entry.name}.OPTION=VALUE, or in [{entry.kind}.{entry.name}].")
