"""What to run: matrix file, budget and command line, resolved to plain values that are stored with each result.

A value wins over those before it in this list: the plugin's default; the budget's table `[translator."*"]`; the
budget's table `[translator.NAME]`; the same two tables of the matrix file; the options in an entry of a list of the
matrix file; `--set`. Scenarios, segmenters and metrics are addressed in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from benchmark.api.options import PluginOptions
from benchmark.api.scenario import Scenario, Side
from benchmark.api.spec import CEILING, CONTROLS, FLOOR, PluginSpec
from benchmark.api.stage_context import RequestedDevice
from benchmark.config.matrix import Matrix, PluginConfig
from benchmark.config.matrix_file import Entry, Override, Request, read_budget, read_request
from benchmark.config.overrides import (
    EVERY,
    SECTIONS,
    Keys,
    Setting,
    Subject,
    check_used,
    merged,
    override_setting,
    parse_override,
    place,
    table_settings,
)
from benchmark.errors import BenchError, UsageError
from benchmark.registry.registry import Registry
from benchmark.toml_models import in_file, validated


def resolve_matrix(
    file: Path | str | None = None,
    *,
    scenarios: Sequence[str] = (),
    translators: Sequence[str] = (),
    segmenters: Sequence[str] = (),
    metrics: Sequence[str] = (),
    auxiliary_segmenter: str | None = None,
    seeds: Sequence[int] = (),
    budget: str | None = None,
    device: str | None = None,
    precision: str | None = None,
    timeout: float | None = None,
    overrides: Sequence[str] = (),
    registry: Registry,
    has_gpu: bool = False,
) -> Matrix:
    """Everything that a matrix will use, with every option filled in.

    Args:
        file: A matrix file, or the name of one in `configs/matrices`; None is the shipped demo, or only its lists
            where some are given here.
        scenarios: Names or paths of scenarios, instead of the file's; empty keeps the file's. So do:
        translators: Names, or labels of entries of the file. The controls are added where they are missing.
        segmenters: As `translators`.
        metrics: As `translators`.
        auxiliary_segmenter: Name of a segmenter, or label of one of the matrix.
        seeds: Seeds.
        budget: Name or path of a budget; None: the file's, or else `default_budget`.
        device: A value of `RequestedDevice`.
        precision: A value of `RequestedPrecision`.
        timeout: Seconds a stage may take.
        overrides: Texts of the form `KEY=VALUE`, as `--set` takes them.
        registry: Where plugins and scenarios are found.
        has_gpu: Whether this machine has a GPU, by which the default budget is chosen.

    Raises:
        UsageError: Something does not fit; names the file and key, or the command-line option.
        PluginError: A plugin or scenario that is unknown or cannot be used.
    """
    lists = {"scenarios": scenarios, "translators": translators, "segmenters": segmenters, "metrics": metrics}
    asked = {key: list(value) for key, value in {**lists, "seeds": seeds}.items() if value}
    single = {
        "auxiliary_segmenter": auxiliary_segmenter,
        "budget": budget,
        "device": device,
        "precision": precision,
        "timeout": timeout,
    }
    asked_once = {key: value for key, value in single.items() if value is not None}
    parsed = [parse_override(text) for text in overrides]
    request, origin = read_request(file, asked | asked_once, parsed, registry.project)
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

    def own(self, origin: str) -> list[Setting]:
        prefix = f"{origin}: {self.spec.kind}s.{self.entry.alias}.options"
        return [
            Setting(self.spec.kind, self.entry.alias, (key,), value, f"{prefix}.{key}")
            for key, value in self.entry.options.items()
        ]


class _Resolver:
    """Brings the layers of one request together."""

    def __init__(
        self, request: Request, budget_name: str, origin: str, overrides: Sequence[Override], registry: Registry
    ) -> None:
        self._request, self._origin, self._registry = request, origin, registry
        budget, budget_file = read_budget(budget_name, registry.project)
        self._budget_name = budget_file.stem
        self._scenarios = _unlike([registry.scenario(name) for name in request.scenarios])
        self._uses = {
            kind: self._plugins(kind, getattr(request, f"{kind}s")) for kind in SECTIONS if kind != "scenario"
        }
        self._auxiliary_segmenter = self._auxiliary_use()
        subjects = [self._scenario_subject(scenario) for scenario in self._scenarios]
        subjects += [use.subject for use in (*chain.from_iterable(self._uses.values()), self._auxiliary_segmenter)]
        self._budget = table_settings(budget.model_dump(), in_file(budget_file))
        self._file = table_settings(request.model_dump(), lambda path: f"{origin}: {'.'.join(path)}")
        self._set = [override_setting(path, value, subjects) for path, value in overrides if path[0] in SECTIONS]
        check_used(self._file, subjects)
        self._check_names([*self._budget, *self._file], {(subject.section, subject.alias) for subject in subjects})

    def matrix(self) -> Matrix:
        request = self._request
        return Matrix(
            scenarios=tuple(self._scenario(scenario) for scenario in self._scenarios),
            translators=_with_controls(request.translators, [self._choice(use) for use in self._uses["translator"]]),
            segmenters=tuple(self._choice(use) for use in self._uses["segmenter"]),
            metrics=tuple(self._choice(use) for use in self._uses["metric"]),
            seeds=request.seeds,
            budget=self._budget_name,
            precision=request.precision,
            device=request.device,
            timeout=request.timeout,
            auxiliary_segmenter=self._choice(self._auxiliary_segmenter),
        )

    def _auxiliary_use(self) -> _Use:
        """The auxiliary segmenter: one of the segmenters of the matrix, or a segmenter that stands beside them."""
        listed = self._uses["segmenter"]
        entry = self._request.auxiliary_segmenter or listed[0].entry
        return next((use for use in listed if use.entry == entry), None) or self._plugins("segmenter", [entry])[0]

    def _plugins(self, kind: str, entries: Iterable[Entry]) -> list[_Use]:
        uses = []
        for entry in entries:
            if kind == "translator" and self._is_control(entry):
                continue
            spec = self._registry.find(kind, entry.name)
            uses.append(_Use(entry, spec, self._registry.options_class(spec)))
        return uses

    def _is_control(self, entry: Entry) -> bool:
        """Whether an entry is a control row; it has to be called like one then, and like none otherwise."""
        where = f"{self._origin}: translators.{entry.alias}"
        if entry.name in CONTROLS and (entry.options or entry.alias != entry.name):
            raise UsageError(f"{where}: '{entry.name}' is a control row, which takes neither label nor options")
        if entry.alias in CONTROLS and entry.name not in CONTROLS:
            raise UsageError(f"{where}: '{entry.alias}' is the label of a control row; choose another")
        return entry.name in CONTROLS

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
            find = (
                self._registry.scenario
                if setting.section == "scenario"
                else partial(self._registry.find, setting.section)
            )
            try:
                find(setting.name)
            except BenchError as error:
                raise UsageError(f"{setting.where}: {error}") from error

    def _layers(self, subject: Subject, own: Sequence[Setting] = ()) -> list[Setting]:
        return [
            *subject.settings(self._budget),
            *subject.settings(self._file),
            *own,
            *subject.settings(self._set),
        ]

    def _choice(self, use: _Use) -> PluginConfig:
        settings = self._layers(use.subject, use.own(self._origin))
        where = place(settings, f"{use.spec.kind}.{use.entry.alias}")
        options = validated(use.options, merged({}, settings), where).model_dump(mode="json")
        runtime_options = use.options.runtime_option_names()
        return PluginConfig(use.spec.kind, use.spec.name, use.entry.alias, use.spec.version, options, runtime_options)

    def _scenario(self, scenario: Scenario) -> Scenario:
        settings = self._layers(self._scenario_subject(scenario))
        where = place(settings, f"scenario.{scenario.name}")
        changed = validated(Scenario, merged(scenario.model_dump(), settings), where)
        sides = {side: self._side(getattr(changed, side), side, where) for side in ("source", "target")}
        return changed.model_copy(update=sides)

    def _side(self, side: Side, role: str, where: Callable[[Keys], str]) -> Side:
        model = self._side_options(side)
        options = validated(model, side.options, lambda location: where((role, "options", *location)))
        return side.model_copy(update={"options": options.model_dump(mode="json")})


def default_budget(device: RequestedDevice, *, has_gpu: bool) -> str:
    """The budget for a requested device, on a machine with or without a GPU."""
    on_gpu = has_gpu if device == "auto" else device == "cuda"
    return "gpu" if on_gpu else "cpu"


def _unlike(scenarios: list[Scenario]) -> list[Scenario]:
    names = [scenario.name for scenario in scenarios]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two scenarios of this matrix are named '{name}'; change the name in one of their files")
    return scenarios


def _keys(options: type[PluginOptions]) -> frozenset[Keys]:
    return frozenset((name,) for name in options.model_fields)


def _with_controls(entries: Sequence[Entry], choices: Sequence[PluginConfig]) -> tuple[PluginConfig, ...]:
    """Translators in the order they were asked for; missing controls go first and last."""
    controls = {name: PluginConfig("control", name, name, "1", {}) for name in CONTROLS}
    asked = iter(choices)
    rows = [controls[entry.name] if entry.name in controls else next(asked) for entry in entries]
    first = [] if controls[FLOOR] in rows else [controls[FLOOR]]
    last = [] if controls[CEILING] in rows else [controls[CEILING]]
    return (*first, *rows, *last)
