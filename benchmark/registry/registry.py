"""All plugins by name, shipped or not; listing imports none, and a broken one does not affect others."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from functools import cached_property, partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple

import pluggy

from benchmark import __version__
from benchmark.api import hookspecs
from benchmark.api.dataset import Dataset
from benchmark.api.executor import Executor
from benchmark.api.metric import SegmentationMetric, TranslationMetric
from benchmark.api.options import PluginOptions
from benchmark.api.scenario import Scenario
from benchmark.api.segmenter import Segmenter
from benchmark.api.spec import PluginSpec
from benchmark.api.translator import Translator
from benchmark.errors import PluginError, did_you_mean, display_path
from benchmark.registry.entries import PACKAGE, PluginEntry, make_entry
from benchmark.registry.hook_relay import HookRelay, check_hooks, log
from benchmark.registry.import_string import import_entry, import_place, one_line_with_place
from benchmark.registry.packaged_files import is_checkout, is_path, shipped_path
from benchmark.registry.registry_file import RegistryFile
from benchmark.registry.scenario_files import read_scenario
from benchmark.toml_models import validate

GROUP = "bench"
SHIPPED = "uda-bench"
PROJECT_FILE = "./registry.toml"
CONTRACTS: Mapping[str, tuple[type, ...]] = {
    "translator": (Translator,),
    "segmenter": (Segmenter,),
    "metric": (SegmentationMetric, TranslationMetric),
    "dataset": (Dataset,),
    "executor": (Executor,),
}


class BudgetTables(NamedTuple):
    """Tables that a package adds to a budget.

    Attributes:
        distribution: The package.
        path: Their file, of the form of a budget.
        owned: Section and name of what the package registers, of which alone the tables may speak.
    """

    distribution: str
    path: Path
    owned: frozenset[tuple[str, str]]


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
        self._plugins: list[tuple[object, str]] = []
        self._entries: list[PluginEntry] = []
        self.hook = HookRelay(self._manager)

    def add(self, plugin: object, name: str, distribution: str, version: str = "") -> None:
        """Register an object with hooks: a module, or an instance.

        Args:
            plugin: The object.
            name: What errors call it; the entry point's name.
            distribution: The package it came with.
            version: That package's version.
        """
        try:
            check_hooks(plugin)
            self._manager.register(plugin, name=f"{distribution}:{name}")
            entries: list[PluginEntry] = []
            for specs in self.hook.call_one(plugin, "bench_register_plugins"):
                entries += [make_entry(spec, distribution) for spec in specs]
        except Exception as error:  # a third party's code: a broken package is an entry, and never ends the tool
            self.add_broken(name, distribution, version, error)
            if self._manager.is_registered(plugin):
                self._manager.unregister(plugin)
            return
        self._plugins.append((plugin, distribution))
        for entry in entries:
            self._add_entry(entry)

    def add_module(self, load: Callable[[], object], name: str, distribution: str, version: str = "") -> None:
        """Register what a function imports; when that fails, the package becomes an entry with the reason."""
        try:
            with redirect_stdout(sys.stderr):  # standard output may be JSON
                plugin = load()
        except (Exception, SystemExit) as error:  # importing runs a third party's code, which may raise anything
            self.add_broken(name, distribution, version, error)
        else:
            self.add(plugin, name, distribution, version)

    def add_broken(self, name: str, distribution: str, version: str, error: BaseException) -> None:
        """Add an entry for a package that could not be registered."""
        reason = str(error) if isinstance(error, PluginError) else one_line_with_place(error)
        self._entries.append(PluginEntry(name, PACKAGE, version, distribution, "broken", reason))

    def _add_entry(self, entry: PluginEntry) -> None:
        """Note a plugin; of two that share a name none can be used, save a shipped one."""
        for index, other in enumerate(self._entries):
            if (other.kind, other.name) != (entry.kind, entry.name) or entry.kind == PACKAGE:
                continue
            if other.distribution == entry.distribution:
                reason = f"registered twice by {entry.distribution}; rename one of them"
            else:
                both = f"{other.distribution} and {entry.distribution}"
                reason = f"registered by both {both}; uninstall one of them, or rename its plugin"
            log.warning("%s '%s' is %s", entry.kind, entry.name, reason)
            entry = replace(entry, state="broken", error=reason)
            # results of shipped plugins must not depend on what else is installed
            if other.distribution != SHIPPED:
                self._entries[index] = replace(other, state="broken", error=reason)
        self._entries.append(entry)

    def entries(self) -> list[PluginEntry]:
        """Every plugin, broken and incompatible ones included, in the order of their registration."""
        return list(self._entries)

    def default_metrics(self) -> tuple[str, ...]:
        """Names of the metrics of a matrix that names none."""
        return tuple(
            entry.name
            for entry in self._entries
            if entry.kind == "metric" and entry.state == "ok" and entry.spec is not None and entry.spec.default
        )

    def budget_tables(self, name: str) -> list[BudgetTables]:
        """What packages and the project add to the budget of a name."""
        found = []
        for plugin, distribution in self._plugins:
            for returned in self._results_or_warning(plugin, "bench_register_budgets"):
                if name in returned:
                    owned = {(entry.kind, entry.name) for entry in self._entries if entry.distribution == distribution}
                    owned |= {("scenario", scenario.name) for scenario, _ in self._scenarios_of(plugin)}
                    found.append(BudgetTables(distribution, Path(returned[name]), frozenset(owned)))
        return found

    def each_result(self, hook: str) -> Iterator[tuple[str, Callable[[], Iterator[Any]]]]:
        """For each plugin its name, and a function that gives the items that a hook without arguments returns."""
        for plugin, _ in self._plugins:
            yield str(self._manager.get_name(plugin)), partial(self._items, plugin, hook)

    def _items(self, plugin: object, hook: str) -> Iterator[Any]:
        for returned in self.hook.call_one(plugin, hook):
            yield from returned

    def _results_or_warning(self, plugin: object, hook: str) -> list[Any]:
        """What a hook of one plugin returns; nothing, and a warning, where it raises."""
        try:
            return self.hook.call_one(plugin, hook)
        except Exception as error:  # a third party's code, as in `add`
            log.warning("plugin %s: %s failed: %s", self._manager.get_name(plugin), hook, one_line_with_place(error))
            return []

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
        guess = self._hint_of_other_kind(kind, name) or did_you_mean(name, [entry.name for entry in named])
        raise PluginError(f"{kind} '{name}' is not known.{guess}{hint}  (bench plugins list --kind {kind})")

    def _hint_of_other_kind(self, kind: str, name: str) -> str:
        """A hint that a name is that of another kind of plugin, or of a value of a metric."""
        kinds = [entry.kind for entry in self._entries if entry.name == name and entry.kind != PACKAGE]
        if kinds:
            return f" There is a {' and a '.join(kinds)} of that name."
        if kind == "metric":
            owners = [repr(entry.name) for entry in self._entries if entry.spec and name in entry.spec.values]
            return f" It is a value of {' and of '.join(owners)}." if owners else ""
        return ""

    def options_class(self, spec: PluginSpec) -> type[PluginOptions]:
        """The class of a plugin's options; imports the plugin itself only when its spec does not say where they are."""
        found: Any
        if spec.options:
            found = import_entry(spec, spec.options)
        else:
            plugin_class = self.load(spec)
            found = getattr(plugin_class, "Options", PluginOptions)
        if not (isinstance(found, type) and issubclass(found, PluginOptions)):
            raise PluginError(f"{_who(spec)}: its options must subclass PluginOptions")
        return found

    def load(self, spec: PluginSpec) -> type[Any]:
        """Import a plugin's class; `PluginError` when it cannot be imported or does not fulfil its contract."""
        found = import_entry(spec, spec.entry)
        expected = CONTRACTS[spec.kind]
        if not (isinstance(found, type) and issubclass(found, expected)):
            names = " or ".join(contract.__name__ for contract in expected)
            raise PluginError(f"{_who(spec)}: expected {spec.entry} to be a class derived from {names}")
        if inspect.isabstract(found):
            missing = ", ".join(sorted(getattr(found, "__abstractmethods__", ())))
            raise PluginError(f"{_who(spec)}: {spec.entry} does not define {missing}")
        if spec.needs and issubclass(found, SegmentationMetric):
            raise PluginError(f"{_who(spec)}: only metrics over translations are given what they need; drop its needs")
        return found

    def create(self, spec: PluginSpec, options: Mapping[str, Any]) -> Any:
        """An instance of a plugin; `UsageError` for options that do not fit, `PluginError` as `load`."""
        model = self.options_class(spec)
        checked = validate(model, options, lambda location: ".".join((spec.kind, spec.name, *location)))
        plugin_class = self.load(spec)
        return plugin_class(checked)

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
        for plugin, _ in self._plugins:
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
            found = []
            for items in self.hook.call_one(plugin, "bench_register_scenarios"):
                found += [_scenario(item, name) for item in items]
            return found
        except Exception as error:  # a third party's code, as in `add`; the user's own files are the user's to mend
            if isinstance(plugin, RegistryFile):
                raise
            log.warning("plugin %s: its scenarios are left out: %s", name, one_line_with_place(error))
            return []


def load_registry(project: Path | None = None) -> Registry:
    """The shipped plugins, those of installed packages, and those of the project folder.

    Where the project has a `registry.toml`, its folder is appended to `sys.path`, so that its plugins can import
    their neighbours.

    Args:
        project: The project folder; None is the working folder.

    Raises:
        UsageError: The project's `registry.toml` cannot be read.
    """
    registry = Registry((project or Path.cwd()).absolute())
    _add_file(registry, shipped_path("registry.toml"), shipped_path("configs"), SHIPPED, __version__)
    for entry_point in entry_points(group=GROUP):
        distribution = entry_point.dist.name if entry_point.dist else entry_point.module
        version = entry_point.dist.version if entry_point.dist else ""
        registry.add_module(entry_point.load, entry_point.name, distribution, version)
    if not is_checkout(registry.project):
        _add_project(registry)
    return registry


def _add_project(registry: Registry) -> None:
    path = registry.project / "registry.toml"
    # appended, not put first: no file of a project may stand in the place of an installed module
    if path.is_file() and str(registry.project) not in sys.path:
        sys.path.append(str(registry.project))
    _add_file(registry, path, registry.project / "configs", PROJECT_FILE)


def _add_file(registry: Registry, path: Path, configs: Path, distribution: str, version: str = "") -> None:
    """Register the plugins of a `registry.toml`, and the modules of hooks that it names."""
    file = RegistryFile(path, configs)
    registry.add(file, "registry.toml", distribution, version)
    for place in file.hooks:
        registry.add_module(partial(import_place, place), Path(place).name, distribution, version)


def _who(spec: PluginSpec) -> str:
    return f"{spec.kind} '{spec.name}' ({spec.distribution})"


def _scenario(item: Scenario | Path, origin: str) -> tuple[Scenario, str]:
    if isinstance(item, Scenario):
        return item, origin
    return read_scenario(item), display_path(item)
