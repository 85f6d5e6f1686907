"""A plugin as it is listed: its description, and whether it can be used."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from benchmark.api.scenario import LONGEST_NAME
from benchmark.api.spec import API_VERSION, CONTROLS, KINDS, NEEDS, PluginSpec
from benchmark.errors import PluginError

NAME = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")
PACKAGE = "package"
"""Kind of the entry that stands for a whole distribution which is broken, so that its plugins are not known."""
State = Literal["ok", "broken", "incompatible"]


@dataclass(frozen=True)
class PluginEntry:
    """One line of `bench plugins list`.

    Attributes:
        name: The plugin's name; the entry point's where the whole package is broken.
        kind: A kind of plugin, or `PACKAGE`.
        version: The plugin's declared version, or the package's.
        distribution: The package it came with, or the project's `registry.toml`.
        state: Only an "ok" plugin can be used.
        error: Why it cannot be used.
        spec: What was registered, where there is something.
        summary: One line for lists.
    """

    name: str
    kind: str
    version: str
    distribution: str
    state: State = "ok"
    error: str | None = None
    spec: PluginSpec | None = None
    summary: str = ""


def make_entry(spec: Any, distribution: str) -> PluginEntry:
    """The entry of what a package registered; `PluginError` when that is no `PluginSpec`."""
    if not isinstance(spec, PluginSpec):
        raise PluginError(f"bench_register_plugins must return PluginSpecs, but returned {spec!r}")
    spec = replace(spec, distribution=distribution)
    state, error = _state_of(spec)
    return PluginEntry(spec.name, spec.kind, spec.version, distribution, state, error, spec, spec.summary)


def _state_of(spec: PluginSpec) -> tuple[State, str | None]:
    """State and error of a registered plugin, by its description alone."""
    if spec.api != API_VERSION:
        return "incompatible", f"written for contract version {spec.api}, but this bench has version {API_VERSION}"
    problem = _problem(spec)
    return ("broken", problem) if problem else ("ok", None)


def _problem(spec: PluginSpec) -> str | None:
    """Why a description is not valid, or None."""
    if spec.kind not in KINDS:
        return f"kind must be one of {', '.join(KINDS)}, but is '{spec.kind}'"
    if not NAME.fullmatch(spec.name) or len(spec.name) > LONGEST_NAME:
        return f"name must be lower case and joined by hyphens, of at most {LONGEST_NAME} letters, but is '{spec.name}'"
    if spec.name in CONTROLS:
        return f"'{spec.name}' is a control row of every matrix; choose another name"
    if not _names_attribute(spec.entry):
        return f"entry must read 'module:attribute', but is '{spec.entry}'"
    if spec.options and not _names_attribute(spec.options):
        return f"options must read 'module:attribute', but is '{spec.options}'"
    offered = NEEDS.get(spec.kind, ())
    unknown = sorted(set(spec.needs) - set(offered))
    if unknown:
        named = ", ".join(offered) or "nothing"
        return f"needs of a {spec.kind} may name {named}, but name {', '.join(unknown)}"
    return None


def _names_attribute(entry: str) -> bool:
    place, _, attribute = entry.rpartition(":")
    return bool(place and attribute)
