"""The plugins of a matrix with their registry entries, each looked up once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from benchmark.api.spec import ROLES, PluginSpec, RowRole
from benchmark.config.matrix import Matrix, PluginConfig
from benchmark.errors import PluginError
from benchmark.plan.keys import plugin_identity
from benchmark.registry.code import CodeDigests
from benchmark.registry.registry import Registry


@dataclass(frozen=True)
class ResolvedPlugin:
    """A plugin of a matrix, with its registry entry.

    Attributes:
        config: Its options and alias.
        spec: Its entry; None for a control row and where there is an error.
        error: Why it cannot be used, or empty.
        values: Of a metric, the names of its values; empty where only its class knows them.
        option_needs: What it needs with its options, beyond what its entry declares.
    """

    config: PluginConfig
    spec: PluginSpec | None = None
    error: str = ""
    values: tuple[str, ...] = ()
    option_needs: tuple[str, ...] = ()

    @property
    def alias(self) -> str:
        """Name of the row or column."""
        return self.config.alias

    @property
    def is_control(self) -> bool:
        """Whether it is a control row that translates nothing."""
        return self.config.kind == "control"

    @property
    def role(self) -> RowRole:
        """What its row is to the others."""
        if self.is_control:
            return ROLES[self.config.name]
        return "control" if self.config.output == "source" else ""

    @property
    def identity(self) -> dict[str, Any]:
        """Its entry in a specification, by `plugin_identity`."""
        return plugin_identity(self.config)

    def needs(self, word: str) -> bool:
        """Whether its entry declares a need, or its options bring one."""
        return self.spec is not None and word in (*self.spec.needs, *self.option_needs)

    def measures(self, subject: str) -> bool:
        """Whether it is a metric over a subject; also true where only its class knows the subject."""
        return self.spec is not None and self.spec.measures in ("", subject)


@dataclass(frozen=True)
class MatrixPlugins:
    """All plugins of a matrix; attributes as in `Matrix`.

    Attributes:
        matrix: The matrix, its plugins with the digests of their files.
    """

    matrix: Matrix
    translators: tuple[ResolvedPlugin, ...]
    segmenters: tuple[ResolvedPlugin, ...]
    metrics: tuple[ResolvedPlugin, ...]
    auxiliary_segmenter: ResolvedPlugin

    def metrics_over(self, subject: str) -> list[ResolvedPlugin]:
        """The usable metrics over "translation" or "segmentation"."""
        return [metric for metric in self.metrics if not metric.error and metric.measures(subject)]


def resolve_plugins(matrix: Matrix, registry: Registry, code: CodeDigests) -> MatrixPlugins:
    """Look up all plugins of a matrix.

    Args:
        matrix: The matrix.
        registry: Where they are registered.
        code: Reads the files of those that are given as files.

    Raises:
        PluginError: Two metrics give values of the same name.
    """
    translators = tuple(_resolve(translator, registry, code) for translator in matrix.translators)
    segmenters = tuple(_resolve(segmenter, registry, code) for segmenter in matrix.segmenters)
    auxiliary_segmenter = _resolve(matrix.auxiliary_segmenter, registry, code)
    metrics = tuple(_resolve_metric(metric, auxiliary_segmenter, registry, code) for metric in matrix.metrics)
    check_value_names(metrics)
    with_code = replace(
        matrix,
        translators=_configs(translators),
        segmenters=_configs(segmenters),
        metrics=_configs(metrics),
        auxiliary_segmenter=auxiliary_segmenter.config,
    )
    return MatrixPlugins(with_code, translators, segmenters, metrics, auxiliary_segmenter)


def _configs(plugins: Iterable[ResolvedPlugin]) -> tuple[PluginConfig, ...]:
    return tuple(plugin.config for plugin in plugins)


def check_value_names(metrics: Iterable[ResolvedPlugin]) -> None:
    """Refuse two metrics with values of one name; `PluginError` names both."""
    owner: dict[str, str] = {}
    for metric in metrics:
        for value in metric.values:
            if value in owner:
                raise PluginError(
                    f"metrics '{owner[value]}' and '{metric.alias}' both give '{value}'; choose one of them"
                )
            owner[value] = metric.alias


def _resolve(config: PluginConfig, registry: Registry, code: CodeDigests) -> ResolvedPlugin:
    if config.kind == "control":
        return ResolvedPlugin(config)
    try:
        spec = registry.find(config.kind, config.name)
        with_code = replace(config, code=code.of_files(spec, registry.project))
        option_needs: tuple[str, ...] = ()
        if config.kind == "segmenter":
            option_needs = registry.options_class(spec).model_validate(config.options).further_needs()
        return ResolvedPlugin(with_code, spec, option_needs=option_needs)
    except PluginError as error:
        return ResolvedPlugin(config, error=str(error))


def _resolve_metric(
    config: PluginConfig, auxiliary_segmenter: ResolvedPlugin, registry: Registry, code: CodeDigests
) -> ResolvedPlugin:
    metric = _resolve(config, registry, code)
    needs_segmenter = metric.needs("target_segmenter") or metric.needs("source_segmenter")
    if needs_segmenter and auxiliary_segmenter.error:
        metric = replace(metric, error=auxiliary_segmenter.error)
    if metric.spec is None or metric.error:
        return metric
    try:
        return replace(metric, values=_value_names(metric.spec, registry))
    except PluginError as error:
        return replace(metric, error=str(error))


def _value_names(spec: PluginSpec, registry: Registry) -> tuple[str, ...]:
    """Names of a metric's values: as declared, else by its class where a plan imports that anyway for its options."""
    if spec.values or spec.options:
        return spec.values
    return tuple(registry.load(spec).values)
