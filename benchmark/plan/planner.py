"""From a matrix to the stages it needs: cells that need the same work share one stage, named by its content."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from benchmark.api.scenario import Scenario
from benchmark.api.spec import CEILING
from benchmark.config.matrix import Matrix
from benchmark.errors import BenchError, DataError, PluginError
from benchmark.plan.chain import ChainBuilder
from benchmark.plan.data_sources import DataSources
from benchmark.plan.keys import compute_identity, content_key, without_runtime_options
from benchmark.plan.model import Cell, Plan
from benchmark.plan.plugins import ResolvedPlugin, resolve_plugins
from benchmark.registry.code import CodeDigests
from benchmark.registry.registry import Registry


def make_plan(matrix: Matrix, registry: Registry) -> Plan:
    """Lay out the stages of a matrix.

    A translator, segmenter or data set that is registered but cannot be used makes its own cells invalid, a metric
    its own values missing; all else is planned.

    Raises:
        DataError: In every scenario, files of a data set are missing or the two sides differ in their classes.
        PluginError: Two metrics give values of the same name.
    """
    planner = _Planner(matrix, registry)
    cells = tuple(planner.cells())
    metrics = planner.plugins.metrics
    value_names = {metric.alias: metric.values for metric in metrics}
    unusable = {metric.alias: metric.error for metric in metrics if metric.error}
    return Plan(
        stages=planner.builder.stages,
        cells=cells,
        matrix=planner.plugins.matrix,
        classes=planner.classes,
        scenarios=planner.scenarios,
        fingerprints=planner.fingerprints,
        value_names=value_names,
        unusable_metrics=unusable,
    )


class _Planner:
    """Lays out the cells of a matrix."""

    def __init__(self, matrix: Matrix, registry: Registry) -> None:
        self.code = CodeDigests()
        self.plugins = resolve_plugins(matrix, registry, self.code)
        self.matrix = self.plugins.matrix
        self.data = DataSources(registry, self.code)
        self.builder = ChainBuilder(self.plugins, self.data, lambda spec: self.code.of_stage(spec, registry))
        self.classes: dict[str, tuple[str, ...]] = {}
        self.scenarios: dict[str, dict[str, Any]] = {}
        self.fingerprints: dict[str, dict[str, str]] = {}

    def cells(self) -> Iterator[Cell]:
        errors = [self._check_data(scenario) for scenario in self.matrix.scenarios]
        data_errors = [error for error in errors if isinstance(error, DataError)]
        if data_errors and len(data_errors) == len(errors):  # nothing could run
            raise data_errors[0]
        for scenario, error in zip(self.matrix.scenarios, errors, strict=True):
            data_error = "" if error is None else str(error)
            for seed, segmenter_seed in product(self.matrix.seeds, range(self.matrix.segmenter_seeds)):
                for segmenter, translator in product(self.plugins.segmenters, self.plugins.translators):
                    yield self._cell(scenario, translator, segmenter, (seed, segmenter_seed), data_error)

    def _check_data(self, scenario: Scenario) -> BenchError | None:
        """Note the classes of a scenario; the error when a data set it needs cannot be used."""
        try:
            self.classes[scenario.name] = self.data.shared_classes(scenario)
            self.scenarios[scenario.name] = self.data.without_runtime_options(scenario)
            self.fingerprints[scenario.name] = self.data.fingerprints(scenario)
        except (DataError, PluginError) as error:
            return error
        return None

    def _cell(
        self,
        scenario: Scenario,
        translator: ResolvedPlugin,
        segmenter: ResolvedPlugin,
        seeds: tuple[int, int],
        data_error: str,
    ) -> Cell:
        invalid = data_error or self._plugin_error(translator, segmenter)
        skipped = "" if invalid else self._reason_to_skip(scenario, translator)
        stages = {} if invalid or skipped else self.builder.chain(scenario, translator, segmenter, *seeds)
        config_key = self._config_key(
            scenario,
            translator,
            segmenter,
            with_auxiliary=not invalid and translator.needs("source_segmenter"),
        )
        names = (scenario.name, translator.alias, segmenter.alias)
        suffix = content_key([config_key, *names])[:8]
        seed, segmenter_seed = seeds
        seed_text = f"s{seed}-{segmenter_seed}" if segmenter_seed else f"s{seed}"
        cell_id = ".".join([*map(_slug, names), seed_text, suffix])
        return Cell(
            cell_id,
            *names,
            seed,
            config_key,
            stages,
            skipped or None,
            invalid or None,
            segmenter_seed=segmenter_seed,
            role=translator.role,
        )

    def _plugin_error(self, translator: ResolvedPlugin, segmenter: ResolvedPlugin) -> str:
        """Why a plugin of a cell cannot be used, or empty."""
        auxiliary_error = self.plugins.auxiliary_segmenter.error if translator.needs("source_segmenter") else ""
        return translator.error or segmenter.error or auxiliary_error

    def _reason_to_skip(self, scenario: Scenario, translator: ResolvedPlugin) -> str:
        """Why a row does not suit a scenario, or empty."""
        name = translator.config.name
        if translator.needs("paired") and not scenario.paired:
            return f"translator '{name}' needs paired images, and scenario '{scenario.name}' has none"
        if name == CEILING and not self.data.labelled(scenario.target, scenario.target.train):
            split = scenario.target.train
            return f"scenario '{scenario.name}': split '{split}' of the target has no labels to learn from"
        return ""

    def _config_key(
        self, scenario: Scenario, translator: ResolvedPlugin, segmenter: ResolvedPlugin, *, with_auxiliary: bool
    ) -> str:
        # Where a data set cannot be used, neither its options nor its files are known.
        usable = scenario.name in self.scenarios
        sides = (scenario.source, scenario.target) if usable else ()
        fingerprints = []
        for side in sides:
            fingerprints += [self.data.fingerprint(side, side.train), self.data.fingerprint(side, side.test)]
        parts = {
            "scenario": _scenario_identity(self.scenarios[scenario.name]) if usable else scenario.name,
            "data": fingerprints,
            "translator": translator.identity,
            "segmenter": segmenter.identity,
            "compute": compute_identity(self.matrix),
        }
        # Left out where it is the usual one, so that keys of all others stay what they were before.
        if translator.config.output != "target":
            parts["output"] = translator.config.output
        # Left out where no data set is given as a file, so that keys of all others stay what they were before.
        dataset_code = [self.data.code(side) for side in sides]
        if any(dataset_code):
            parts["dataset_code"] = dataset_code
        if with_auxiliary:
            parts["auxiliary_segmenter"] = self.plugins.auxiliary_segmenter.identity
        return content_key(without_runtime_options(parts))


def _scenario_identity(scenario: Mapping[str, Any]) -> dict[str, Any]:
    """A scenario without what does not affect results, and without a default that older cells did not have."""
    left_out = {"summary", "evaluate"}
    if scenario["score_translations"] == "train":
        left_out.add("score_translations")
    identity = {name: value for name, value in scenario.items() if name not in left_out}
    for side in ("source", "target"):  # groups of images decide intervals, not results
        identity[side] = {name: value for name, value in identity[side].items() if name != "group"}
    return identity


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-") or "x"
