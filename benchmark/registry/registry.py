"""Every plugin by name, shipped or not, through one door; listing imports none, and a broken one hurts no other."""

from __future__ import annotations

import inspect
import logging
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal

import pluggy
from pydantic import BaseModel, ConfigDict

from benchmark import __version__
from benchmark.api import hookspecs
from benchmark.api.dataset import Dataset
from benchmark.api.executor import Executor
from benchmark.api.hookspecs import hookimpl
from benchmark.api.metric import SegmentationMetric, TranslationMetric
from benchmark.api.options import PluginOptions
from benchmark.api.scenario import Scenario
from benchmark.api.segmenter import Segmenter
from benchmark.api.spec import API_VERSION, CONTROLS, KINDS, NEEDS, Kind, PluginSpec
from benchmark.api.translator import Translator
from benchmark.errors import PluginError, did_you_mean, shown
from benchmark.registry.import_string import anchored, import_target, one_line
from benchmark.registry.packaged_files import is_checkout, is_path, shipped
from benchmark.registry.scenario_files import read_scenario
from benchmark.toml_models import in_file, read_toml, validated

GROUP = "bench"
SHIPPED = "uda-bench"
PROJECT_FILE = "./registry.toml"
NAME = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")
PACKAGE = "package"
"""Kind of the entry that stands for a whole distribution which is broken, so that its plugins are not known."""

State = Literal["ok", "broken", "incompatible"]
CONTRACTS: Mapping[str, tuple[type, ...]] = {
    "translator": (Translator,),
    "segmenter": (Segmenter,),
    "metric": (SegmentationMetric, TranslationMetric),
    "dataset": (Dataset,),
    "executor": (Executor,),
}

log = logging.getLogger("bench")


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
    """

    name: str
    kind: str
    version: str
    distribution: str
    state: State = "ok"
    error: str | None = None
    spec: PluginSpec | None = None


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    target: str
    options: str = ""
    version: str = "1"
    api: int = API_VERSION
    summary: str = ""
    paper: str = ""
    needs: tuple[str, ...] = ()
    measures: Literal["", "translation", "segmentation"] = ""

    def spec(self, kind: Kind, folder: Path) -> PluginSpec:
        fields = self.model_dump()
        return PluginSpec(
            kind, **fields | {"target": anchored(self.target, folder), "options": anchored(self.options, folder)}
        )


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


class HookRelay:
    """Calls a hook on each plugin in turn; one that raises is reported, and the others are still called."""

    def __init__(self, manager: pluggy.PluginManager) -> None:
        self._manager = manager

    def __getattr__(self, name: str) -> Callable[..., list[Any]]:
        if not name.startswith("bench_"):
            raise AttributeError(name)
        return partial(self._call, name)

    def _call(self, name: str, /, **arguments: Any) -> list[Any]:
        results: list[Any] = []
        for implementation in reversed(getattr(self._manager.hook, name).get_hookimpls()):
            try:
                results += self.call_one(implementation.plugin, name, **arguments)
            except Exception as error:  # a third party's code: whatever it raises must not end a long run
                log.warning("plugin %s: %s failed: %s", implementation.plugin_name, name, one_line(error))
        return results

    def call_one(self, plugin: object, name: str, /, **arguments: Any) -> list[Any]:
        """Call a hook of one plugin alone; its exceptions pass."""
        others = [other for other in self._manager.get_plugins() if other is not plugin]
        results: list[Any] = self._manager.subset_hook_caller(name, others)(**arguments)
        return results


class Registry:
    """All plugins and scenarios that are known here.

    Attributes:
        project: The working folder whose own plugins, scenarios and configurations are known too.
        hook: The hooks of `benchmark.api.hookspecs`, as `registry.hook.bench_log(key=..., progress=...)`.
    """

    def __init__(self, project: Path) -> None:
        self.project = project
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._plugins: list[object] = []
        self._entries: list[PluginEntry] = []
        self.hook = HookRelay(self._manager)

    def add(self, plugin: object, name: str, distribution: str, version: str = "") -> None:
        """Take in an object with hooks: a module, or an instance.

        Args:
            plugin: The object.
            name: What errors call it; the entry point's name.
            distribution: The package it came with.
            version: That package's version.

        Raises:
            PluginError: It registers a name that another plugin has.
        """
        try:
            _check_hooks(plugin)
            self._manager.register(plugin, name=f"{distribution}:{name}")
            returned = self.hook.call_one(plugin, "bench_register_plugins")
            entries = [_entry(spec, distribution) for specs in returned for spec in specs]
        except Exception as error:  # a third party's code: a broken package is an entry, and never ends the tool
            self.add_broken(name, distribution, version, error)
            if self._manager.is_registered(plugin):
                self._manager.unregister(plugin)
            return
        self._plugins.append(plugin)
        for entry in entries:
            self._add_entry(entry)

    def add_broken(self, name: str, distribution: str, version: str, error: BaseException) -> None:
        """Note a package that could not be taken in."""
        reason = str(error) if isinstance(error, PluginError) else one_line(error)
        self._entries.append(PluginEntry(name, PACKAGE, version, distribution, "broken", reason))

    def _add_entry(self, entry: PluginEntry) -> None:
        for other in self._entries:
            if (other.kind, other.name) != (entry.kind, entry.name) or entry.kind == PACKAGE:
                continue
            if other.distribution == entry.distribution:
                raise PluginError(
                    f"{entry.kind} '{entry.name}' is registered twice by {entry.distribution}; rename one of them"
                )
            raise PluginError(
                f"{entry.kind} '{entry.name}' is registered by both {other.distribution} and {entry.distribution}; "
                "uninstall one of them, or rename its plugin"
            )
        self._entries.append(entry)

    def entries(self) -> list[PluginEntry]:
        """Every plugin, broken and incompatible ones included, in the order of their registration."""
        return list(self._entries)

    def find(self, kind: str, name: str) -> PluginSpec:
        """The plugin of a kind and name; `PluginError` when it is unknown, broken or incompatible."""
        named = [entry for entry in self._entries if entry.kind == kind]
        for entry in named:
            if entry.name == name and entry.spec is not None and entry.state == "ok":
                return entry.spec
            if entry.name == name:
                raise PluginError(f"{kind} '{name}' ({entry.distribution}) cannot be used: {entry.error}")
        broken = sorted({entry.distribution for entry in self._entries if entry.kind == PACKAGE})
        hint = f" Broken packages, whose plugins are not known: {', '.join(broken)}." if broken else ""
        guess = did_you_mean(name, [entry.name for entry in named])
        raise PluginError(f"{kind} '{name}' is not known.{guess}{hint}  (bench plugins list --kind {kind})")

    def options_class(self, spec: PluginSpec) -> type[PluginOptions]:
        """The class of a plugin's options; imports the plugin itself only when its spec does not say where they are."""
        found = (
            import_target(spec, spec.options) if spec.options else getattr(self.load(spec), "Options", PluginOptions)
        )
        if not (isinstance(found, type) and issubclass(found, PluginOptions)):
            raise PluginError(f"{_who(spec)}: its options must subclass PluginOptions")
        return found

    def load(self, spec: PluginSpec) -> type[Any]:
        """Import a plugin's class; `PluginError` when it cannot be imported or does not fulfil its contract."""
        found = import_target(spec, spec.target)
        expected = CONTRACTS[spec.kind]
        if not (isinstance(found, type) and issubclass(found, expected)):
            names = " or ".join(contract.__name__ for contract in expected)
            raise PluginError(f"{_who(spec)}: expected {spec.target} to be a class derived from {names}")
        if inspect.isabstract(found):
            missing = ", ".join(sorted(getattr(found, "__abstractmethods__", ())))
            raise PluginError(f"{_who(spec)}: {spec.target} does not define {missing}")
        if spec.needs and issubclass(found, SegmentationMetric):
            raise PluginError(f"{_who(spec)}: only metrics over translations are given what they need; drop its needs")
        return found

    def create(self, spec: PluginSpec, options: Mapping[str, Any]) -> Any:
        """An instance of a plugin; `UsageError` for options that do not fit, `PluginError` as `load`."""
        checked = validated(
            self.options_class(spec), options, lambda location: ".".join((spec.kind, spec.name, *location))
        )
        return self.load(spec)(checked)

    def scenarios(self) -> dict[str, Scenario]:
        """All scenarios by name; `PluginError` when two share one, `UsageError` when the project's own do not fit."""
        return dict(self._scenarios)

    def scenario(self, name: str) -> Scenario:
        """A scenario by name, or by the path of its TOML file, relative to the project."""
        if is_path(name):
            return read_scenario(self.project / name)
        if name not in self._scenarios:
            known = sorted(self._scenarios)
            guess = did_you_mean(name, known)
            raise PluginError(f"scenario '{name}' is not known.{guess} Known: {', '.join(known)}; or give a TOML file")
        return self._scenarios[name]

    @cached_property
    def _scenarios(self) -> dict[str, Scenario]:
        found: dict[str, tuple[Scenario, str]] = {}
        for plugin in self._plugins:
            for scenario, origin in self._scenarios_of(plugin):
                if scenario.name in found:
                    other = found[scenario.name][1]
                    raise PluginError(
                        f"scenario '{scenario.name}' is registered by both {other} and {origin}; rename one"
                    )
                found[scenario.name] = scenario, origin
        return {name: scenario for name, (scenario, _) in found.items()}

    def _scenarios_of(self, plugin: object) -> list[tuple[Scenario, str]]:
        name = str(self._manager.get_name(plugin))
        try:
            returned = self.hook.call_one(plugin, "bench_register_scenarios")
            return [_scenario(item, name) for items in returned for item in items]
        except Exception as error:  # a third party's code, as in `add`; the user's own files are the user's to mend
            if isinstance(plugin, RegistryFile):
                raise
            log.warning("plugin %s: its scenarios are left out: %s", name, one_line(error))
            return []


def load_registry(project: Path | None = None) -> Registry:
    """The shipped plugins, those of installed packages, and those of the project folder.

    Where the project has a `registry.toml`, its folder is appended to `sys.path`, so that its plugins can import
    their neighbours.

    Args:
        project: The project folder; None is the working folder.

    Raises:
        PluginError: Two plugins of one kind and name.
        UsageError: The project's `registry.toml` cannot be read.
    """
    registry = Registry((project or Path.cwd()).absolute())
    shipped_file = RegistryFile(shipped("registry.toml"), shipped("configs/scenarios"))
    registry.add(shipped_file, "registry.toml", SHIPPED, __version__)
    for entry_point in entry_points(group=GROUP):
        _add_entry_point(registry, entry_point)
    if not is_checkout(registry.project):
        _add_project(registry)
    return registry


def _add_entry_point(registry: Registry, entry_point: EntryPoint) -> None:
    distribution = entry_point.dist.name if entry_point.dist else entry_point.module
    version = entry_point.dist.version if entry_point.dist else ""
    try:
        plugin = entry_point.load()
    except (Exception, SystemExit) as error:  # importing runs a third party's code, which may raise anything
        registry.add_broken(entry_point.name, distribution, version, error)
    else:
        registry.add(plugin, entry_point.name, distribution, version)


def _add_project(registry: Registry) -> None:
    path = registry.project / "registry.toml"
    if path.is_file() and str(registry.project) not in sys.path:
        sys.path.append(str(registry.project))
    registry.add(RegistryFile(path, registry.project / "configs" / "scenarios"), "project", PROJECT_FILE)


def _check_hooks(plugin: object) -> None:
    """Refuse functions that look like hooks and are none; pluggy would never call them, and say nothing."""
    known = {name for name in vars(hookspecs) if name.startswith("bench_")}
    for name in dir(plugin):
        function = getattr(plugin, name, None)
        if not (name.startswith("bench_") and inspect.isroutine(function)):
            continue
        if name not in known:
            raise PluginError(f"'{name}' is no hook of bench.{did_you_mean(name, known)}")
        if not hasattr(function, f"{hookspecs.PROJECT}_impl"):
            raise PluginError(f"'{name}' is not marked with benchmark.hookimpl, so that it would never be called")


def _who(spec: PluginSpec) -> str:
    return f"{spec.kind} '{spec.name}' ({spec.distribution})"


def _entry(spec: Any, distribution: str) -> PluginEntry:
    if not isinstance(spec, PluginSpec):
        raise PluginError(f"bench_register_plugins must return PluginSpecs, but returned {spec!r}")
    spec = replace(spec, distribution=distribution)
    state, error = _fitness(spec)
    return PluginEntry(spec.name, spec.kind, spec.version, distribution, state, error, spec)


def _fitness(spec: PluginSpec) -> tuple[State, str | None]:
    """Whether a registered plugin can be used, as far as its description tells."""
    if spec.api != API_VERSION:
        return "incompatible", f"written for contract version {spec.api}, but this bench has version {API_VERSION}"
    offered = ", ".join(NEEDS.get(spec.kind, ())) or "nothing"
    unknown = sorted(set(spec.needs) - set(NEEDS.get(spec.kind, ())))
    problems = {
        f"kind must be one of {', '.join(KINDS)}, but is '{spec.kind}'": spec.kind not in KINDS,
        f"name must be lower case and joined by hyphens, but is '{spec.name}'": not NAME.fullmatch(spec.name),
        f"'{spec.name}' is a control row of every matrix; choose another name": spec.name in CONTROLS,
        f"target must read 'module:attribute', but is '{spec.target}'": not _names_attribute(spec.target),
        f"options must read 'module:attribute', but is '{spec.options}'": not _names_attribute(spec.options or "a:b"),
        f"needs of a {spec.kind} may name {offered}, but name {', '.join(unknown)}": bool(unknown),
    }
    return next((("broken", problem) for problem, found in problems.items() if found), ("ok", None))


def _names_attribute(target: str) -> bool:
    place, _, attribute = target.rpartition(":")
    return bool(place and attribute)


def _scenario(item: Scenario | Path, origin: str) -> tuple[Scenario, str]:
    if isinstance(item, Scenario):
        return item, origin
    return read_scenario(item), shown(item)
