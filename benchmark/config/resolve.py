"""What to run: matrix file, budget and command line, resolved to plain values that are stored with each result.

A value wins over those before it in this list: the plugin's default; the budget's table `[translator."*"]`; the table
`[translator.NAME]` that the plugin's own package brings for this budget; the budget's own table `[translator.NAME]`;
the two tables of the matrix file; the options in an entry of a list of the matrix file; `--set`. Scenarios, segmenters
and metrics are addressed in the same way; so are executors, of which a budget does not speak.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from benchmark.api.options import PluginOptions
from benchmark.api.scenario import Scenario, Side
from benchmark.api.spec import CEILING, CONTROLS, FLOOR, PluginSpec
from benchmark.config.budget import LENGTH, default_budget, read_budget
from benchmark.config.matrix import Matrix, PluginConfig
from benchmark.config.matrix_file import KNOWN_KEYS, TOP_LEVEL_KEYS, Entry, Override, Request, read_request
from benchmark.config.overrides import (
    EVERY,
    Keys,
    Setting,
    Subject,
    apply_settings,
    check_used,
    error_location,
    override_setting,
    parse_override,
    table_settings,
)
from benchmark.errors import BenchError, UsageError
from benchmark.registry.registry import Registry
from benchmark.toml_models import validate


def resolve_matrix(
    file: Path | str | None,
    asked: Mapping[str, Any],
    registry: Registry,
    *,
    overrides: Sequence[str] = (),
    has_gpu: bool = False,
) -> Matrix:
    """Everything that a matrix will use, with every option filled in.

    Args:
        file: A matrix file, or the name of one in `configs/matrices`; None is the shipped demo, or only its lists
            where some are asked for.
        asked: What stands instead of the file's values, by their keys (`benchmark.config.matrix_file.Request`):
            `scenarios`, `translators`, `segmenters` and `metrics` (names, or aliases of entries of the file; of
            metrics also changes of the usual list, as in `["+edges", "-fid"]`), `auxiliary_segmenter`, `seeds`,
            `segmenter_seeds`, `source_scores`, `budget`, `device`, `precision`, `timeout`, `threads`,
            `executor` (a name).
        registry: Where plugins and scenarios are found.
        overrides: Texts of the form `KEY=VALUE`, as `--set` takes them.
        has_gpu: Whether this machine has a GPU, by which the default budget is chosen.

    Raises:
        UsageError: Something does not fit; names the file and key, or the command-line option.
        PluginError: A plugin or scenario that is unknown or cannot be used.
    """
    parsed = [parse_override(text) for text in overrides]
    request, origin = read_request(file, asked, parsed, registry.default_metrics(), registry.project)
    budget_name = request.budget or default_budget(request.device, has_gpu=has_gpu)
    return _Resolver(request, budget_name, origin, parsed, registry).matrix()


@dataclass(frozen=True)
class _Use:
    """A plugin where a matrix uses it."""

    entry: Entry
    spec: PluginSpec
    options: type[PluginOptions]

    @property
    def subject(self) -> Subject:
        return Subject(self.spec.kind, self.spec.name, self.entry.alias, _keys(self.options))

    def entry_settings(self, origin: str) -> list[Setting]:
        """The options of its own entry in a list of the matrix file."""
        kind, alias = self.spec.kind, self.entry.alias
        prefix = f"{origin}: {kind}s.{alias}.options"
        return [Setting(kind, alias, (key,), value, f"{prefix}.{key}") for key, value in self.entry.options.items()]


class _Resolver:
    """Brings the layers of one request together."""

    def __init__(
        self, request: Request, budget_name: str, origin: str, overrides: Sequence[Override], registry: Registry
    ) -> None:
        self._request, self._origin, self._registry = request, origin, registry
        self._scenarios = _require_unique([registry.scenario(name) for name in request.scenarios])
        self._translators = self._plugins("translator", request.translators)
        self._segmenters = self._plugins("segmenter", request.segmenters)
        self._metrics = self._plugins("metric", request.metrics)
        self._auxiliary_segmenter = self._auxiliary_use()
        [self._executor] = self._plugins("executor", [Entry(name=name) for name in request.executor])
        subjects = self._subjects()
        self._budget = read_budget(budget_name, registry, subjects)
        self._file = table_settings(request.model_dump(), lambda path: f"{origin}: {'.'.join(path)}")
        # `--set` of the matrix's own keys is part of the request already
        of_plugins = [(path, value) for path, value in overrides if path[0] not in TOP_LEVEL_KEYS]
        self._set = [override_setting(path, value, subjects, KNOWN_KEYS) for path, value in of_plugins]
        check_used(self._file, subjects)
        aliases = {(subject.section, subject.alias) for subject in subjects}
        self._check_names([*self._budget.own, *self._file], aliases)

    def matrix(self) -> Matrix:
        request = self._request
        scenarios = [self._scenario(scenario) for scenario in self._scenarios]
        translators = [self._plugin_config(use) for use in self._translators]
        segmenters = [self._plugin_config(use) for use in self._segmenters]
        metrics = [self._plugin_config(use) for use in self._metrics]
        return Matrix(
            scenarios=tuple(scenarios),
            translators=_with_controls(request.translators, translators),
            segmenters=tuple(segmenters),
            metrics=tuple(metrics),
            seeds=request.seeds,
            budget=self._budget.name,
            precision=request.precision,
            device=request.device,
            timeout=request.timeout,
            auxiliary_segmenter=self._plugin_config(self._auxiliary_segmenter),
            budget_digest=self._budget.digest,
            executor=self._plugin_config(self._executor),
            threads=request.threads,
            segmenter_seeds=request.segmenter_seeds,
            source_scores=request.source_scores,
            warnings=self._warnings(),
        )

    def _subjects(self) -> list[Subject]:
        plugins = (*self._translators, *self._segmenters, *self._metrics, self._auxiliary_segmenter, self._executor)
        subjects = [self._scenario_subject(scenario) for scenario in self._scenarios]
        subjects += [use.subject for use in plugins]
        return subjects

    def _warnings(self) -> tuple[str, ...]:
        """A line for each plugin that trains for a length that no budget sets."""
        uses = [*self._translators, *self._segmenters]
        if self._auxiliary_segmenter not in self._segmenters:
            uses.append(self._auxiliary_segmenter)
        unbound = [use for use in uses if use.spec.trains and not use.subject.has((LENGTH,))]
        return tuple(
            f"{use.spec.kind} '{use.entry.alias}': its length is not bound by the budget, for it has no option "
            f"{LENGTH}; one that trains nothing is registered with trains = false"
            for use in unbound
        )

    def _auxiliary_use(self) -> _Use:
        """The auxiliary segmenter: one of the segmenters of the matrix, or a further one."""
        entry = self._request.auxiliary_segmenter or self._segmenters[0].entry
        for use in self._segmenters:
            if use.entry == entry:
                return use
        [beside] = self._plugins("segmenter", [entry])
        return beside

    def _plugins(self, kind: str, entries: Iterable[Entry]) -> list[_Use]:
        uses = []
        for entry in entries:
            self._check_fields(kind, entry)
            if kind == "translator" and self._is_control(entry):
                continue
            spec = self._registry.find(kind, entry.name)
            uses.append(_Use(entry, spec, self._registry.options_class(spec)))
        return uses

    def _is_control(self, entry: Entry) -> bool:
        """Whether an entry is a control row; it has to be called like one then, and like none otherwise."""
        where = f"{self._origin}: translators.{entry.alias}"
        if entry.name in CONTROLS and (entry.options or entry.alias != entry.name or entry.output != "target"):
            raise UsageError(f"{where}: '{entry.name}' is a control row, which takes no alias, options or output")
        if entry.alias in CONTROLS and entry.name not in CONTROLS:
            raise UsageError(f"{where}: '{entry.alias}' is the alias of a control row; choose another")
        return entry.name in CONTROLS

    def _check_fields(self, kind: str, entry: Entry) -> None:
        """Refuse a field that only entries of another kind have."""
        where = f"{self._origin}: {kind}s.{entry.alias}"
        if entry.family and kind != "segmenter":
            raise UsageError(f"{where}: only segmenters have a family")
        if entry.output != "target" and kind != "translator":
            raise UsageError(f"{where}: only translators have an output")

    def _side_options(self, side: Side) -> type[PluginOptions]:
        return self._registry.options_class(self._registry.find("dataset", side.dataset))

    def _scenario_subject(self, scenario: Scenario) -> Subject:
        keys: set[Keys] = {(name,) for name in Scenario.model_fields if name not in ("source", "target")}
        for side in ("source", "target"):
            keys |= {(side, name) for name in Side.model_fields if name != "options"}
            keys |= {(side, "options", *key) for key in _keys(self._side_options(getattr(scenario, side)))}
        return Subject("scenario", scenario.name, scenario.name, frozenset(keys))

    def _check_names(self, settings: Iterable[Setting], aliases: set[tuple[str, str]]) -> None:
        """Refuse tables of names that nothing has; a table of something that this matrix leaves out is fine."""
        for setting in settings:
            if setting.name == EVERY or (setting.section, setting.name) in aliases:
                continue
            if setting.section == "translator" and setting.name in CONTROLS:
                raise UsageError(f"{setting.where}: '{setting.name}' is a control row, which takes no options")
            try:
                if setting.section == "scenario":
                    self._registry.scenario(setting.name)
                else:
                    self._registry.find(setting.section, setting.name)
            except BenchError as error:
                raise UsageError(f"{setting.where}: {error}") from error

    def _layers(self, subject: Subject, own: Sequence[Setting] = ()) -> list[Setting]:
        return [*subject.settings(self._budget.settings), *self._changes(subject, own)]

    def _changes(self, subject: Subject, own: Sequence[Setting] = ()) -> list[Setting]:
        """What matrix file and command line set, in which they may leave the budget."""
        return [*subject.settings(self._file), *own, *subject.settings(self._set)]

    def _plugin_config(self, use: _Use) -> PluginConfig:
        own = use.entry_settings(self._origin)
        settings = self._layers(use.subject, own)
        where = error_location(settings, f"{use.spec.kind}.{use.entry.alias}")
        options = validate(use.options, apply_settings({}, settings), where).model_dump(mode="json")
        runtime_options = use.options.runtime_option_names()
        # compared by value: writing out what the budget says anyway does not leave it
        changed = {setting.path[0] for setting in self._changes(use.subject, own)} - set(runtime_options)
        budgeted = self._budget_options(use) if changed else {}
        off_budget = [name for name in sorted(changed) if name in options and options[name] != budgeted.get(name)]
        return PluginConfig(
            use.spec.kind,
            use.spec.name,
            use.entry.alias,
            use.spec.version,
            options,
            runtime_options,
            tuple(off_budget),
            family=use.entry.family,
            output=use.entry.output,
        )

    def _budget_options(self, use: _Use) -> dict[str, Any]:
        """The options as the budget alone would have them; none where it cannot give all that are required."""
        settings = use.subject.settings(self._budget.settings)
        try:
            return use.options.model_validate(apply_settings({}, settings)).model_dump(mode="json")
        except ValidationError:
            return {}

    def _scenario(self, scenario: Scenario) -> Scenario:
        settings = self._layers(self._scenario_subject(scenario))
        where = error_location(settings, f"scenario.{scenario.name}")
        changed = validate(Scenario, apply_settings(scenario.model_dump(), settings), where)
        sides = {side: self._side(getattr(changed, side), side, where) for side in ("source", "target")}
        return changed.model_copy(update=sides)

    def _side(self, side: Side, role: str, where: Callable[[Keys], str]) -> Side:
        model = self._side_options(side)
        options = validate(model, side.options, lambda location: where((role, "options", *location)))
        return side.model_copy(update={"options": options.model_dump(mode="json")})


def _require_unique(scenarios: list[Scenario]) -> list[Scenario]:
    names = [scenario.name for scenario in scenarios]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two scenarios of this matrix are named '{name}'; change the name in one of their files")
    return scenarios


def _keys(options: type[PluginOptions]) -> frozenset[Keys]:
    return frozenset((name,) for name in options.model_fields)


def _with_controls(entries: Sequence[Entry], configs: Sequence[PluginConfig]) -> tuple[PluginConfig, ...]:
    """Translators in the order of the request; control rows that it does not name go first and last."""
    controls = {name: PluginConfig("control", name, name, "1", {}) for name in CONTROLS}
    translators = iter(configs)  # those of the entries that are no control rows, in their order
    rows = [controls[entry.name] if entry.name in controls else next(translators) for entry in entries]
    first = [] if controls[FLOOR] in rows else [controls[FLOOR]]
    last = [] if controls[CEILING] in rows else [controls[CEILING]]
    return (*first, *rows, *last)
