"""From a matrix to the stages it needs: cells that need the same work share one stage, named by its content."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeVar

from benchmark.api.dataset import Dataset
from benchmark.api.scenario import Scenario, Side
from benchmark.api.spec import CEILING, FLOOR, PluginSpec
from benchmark.config.matrix import Matrix, PluginConfig
from benchmark.errors import BenchError, DataError, PluginError
from benchmark.plan.keys import content_key, plugin_identities, plugin_identity, without_runtime_options
from benchmark.plan.model import TARGET_SEGMENTER_SCORES, Cell, Plan, Stage
from benchmark.plan.stage_kinds import (
    FIT_SEGMENTER,
    FIT_TRANSLATOR,
    HELD_OUT,
    PREPARE,
    SCORE_SEGMENTATION,
    SCORE_TRANSLATION,
    SOURCE_SEGMENTER,
    STAGE_KINDS,
    TARGET_SEGMENTER,
    TRANSLATE,
    Role,
)
from benchmark.registry.code import CodeDigests
from benchmark.registry.import_string import one_line
from benchmark.registry.registry import Registry

Answer = TypeVar("Answer")


def make_plan(matrix: Matrix, registry: Registry) -> Plan:
    """Lay out the stages of a matrix.

    A plugin that is registered but cannot be used makes its own cells invalid; all others are planned.

    Raises:
        DataError: Files of a data set are missing, or the two sides of a scenario differ in their classes.
    """
    planner = _Planner(matrix, registry)
    cells = tuple(planner.cells())
    return Plan(planner.stages, cells, planner.matrix, planner.classes)


class _Planner:
    """Collects the stages of a matrix while its cells are laid out."""

    def __init__(self, matrix: Matrix, registry: Registry) -> None:
        self.registry = registry
        self.code = CodeDigests()
        self.matrix = self._with_code(matrix)
        self.stages: dict[str, Stage] = {}
        self.classes: dict[str, tuple[str, ...]] = {}
        self._datasets: dict[str, Dataset] = {}
        self._fingerprints: dict[tuple[str, str], str] = {}
        self._prepared: dict[tuple[str, str, tuple[int, int]], str] = {}

    def cells(self) -> Iterator[Cell]:
        for scenario in self.matrix.scenarios:
            broken = self._open(scenario)
            for seed in self.matrix.seeds:
                for segmenter in self.matrix.segmenters:
                    for translator in self.matrix.translators:
                        yield self._cell(scenario, translator, segmenter, seed, broken)

    def _open(self, scenario: Scenario) -> str | None:
        """Check the data of a scenario; the reason when a plugin it needs cannot be used."""
        try:
            for metric in self.matrix.metrics:
                self.registry.find("metric", metric.name)
            classes = _shared_classes(scenario, *_asked(scenario, lambda side: self._dataset(side).classes.names))
            _asked(scenario, lambda side: [self._fingerprint(side, split) for split in (side.train, side.test)])
        except PluginError as error:
            return str(error)
        self.classes[scenario.name] = classes
        return None

    def _cell(
        self, scenario: Scenario, translator: PluginConfig, segmenter: PluginConfig, seed: int, broken: str | None
    ) -> Cell:
        invalid, skipped = broken, None
        if not invalid:
            try:
                skipped = self._misfit(scenario, translator)
                self.registry.find("segmenter", segmenter.name)
                if self._needs_source_segmenter(translator) or self._needs_target_segmenter(translator):
                    self.registry.find("segmenter", self.matrix.auxiliary_segmenter.name)
            except PluginError as error:
                invalid = str(error)
        stages = {} if invalid or skipped else self._chain(scenario, translator, segmenter, seed)
        config_key = self._config_key(
            scenario, translator, segmenter, with_auxiliary=not invalid and self._needs_source_segmenter(translator)
        )
        labels = (scenario.name, translator.alias, segmenter.alias)
        suffix = content_key([config_key, *labels])[:8]
        cell_id = ".".join([*map(_slug, labels), f"s{seed}", suffix])
        return Cell(cell_id, *labels, seed, config_key, stages, skipped, invalid)

    def _misfit(self, scenario: Scenario, translator: PluginConfig) -> str | None:
        """Why a translator does not suit a scenario, or None."""
        if translator.kind == "control":
            return None
        needs = self.registry.find("translator", translator.name).needs
        if "paired" in needs and not scenario.paired:
            return f"translator '{translator.name}' needs paired images, and scenario '{scenario.name}' has none"
        return None

    def _needs_source_segmenter(self, translator: PluginConfig) -> bool:
        """Whether a translator learns with the help of the auxiliary segmenter."""
        return translator.kind != "control" and self._needs("source_segmenter", [translator])

    def _needs_target_segmenter(self, translator: PluginConfig) -> bool:
        """Whether a metric over its translations asks the auxiliary segmenter."""
        return translator.kind != "control" and self._needs("target_segmenter", self._metrics("translation"))

    def _needs(self, word: str, choices: Iterable[PluginConfig]) -> bool:
        return any(word in self.registry.find(choice.kind, choice.name).needs for choice in choices)

    def _config_key(
        self, scenario: Scenario, translator: PluginConfig, segmenter: PluginConfig, *, with_auxiliary: bool
    ) -> str:
        sides = (scenario.source, scenario.target) if scenario.name in self.classes else ()
        usual = {"score_translations"} if scenario.score_translations == "train" else set()
        parts = {
            "scenario": scenario.model_dump(mode="json", exclude={"summary"} | usual),
            "data": [self._fingerprint(side, split) for side in sides for split in (side.train, side.test)],
            "translator": plugin_identity(translator),
            "segmenter": plugin_identity(segmenter),
            "compute": self._compute(),
        }
        dataset_code = [self._dataset_code(side) for side in sides]
        if any(dataset_code):
            parts["dataset_code"] = dataset_code
        if with_auxiliary:
            parts["auxiliary_segmenter"] = plugin_identity(self.matrix.auxiliary_segmenter)
        return content_key(without_runtime_options(parts))

    def _chain(
        self, scenario: Scenario, translator: PluginConfig, segmenter: PluginConfig, seed: int
    ) -> dict[Role, str]:
        """The stages of one cell, by role."""
        chain: dict[Role, str] = {}
        if translator.kind == "control":
            chain[Role(FIT_SEGMENTER)] = self._fit_control(scenario, segmenter, translator.name, seed)
        else:
            chain |= self._translation(scenario, translator, seed)
            train, held_out = chain[Role(TRANSLATE)], chain.get(HELD_OUT)
            chain[Role(FIT_SEGMENTER)] = self._fit_segmenter(scenario, segmenter, train, held_out, seed)
        inputs = {"segmenter": chain[Role(FIT_SEGMENTER)], "test": self._split(scenario, scenario.target, "test")}
        spec = {"segmenter": plugin_identity(segmenter), "metrics": plugin_identities(self._metrics("segmentation"))}
        chain[Role(SCORE_SEGMENTATION)] = self._add(SCORE_SEGMENTATION, segmenter.alias, spec, inputs, seed)
        return chain

    def _translation(self, scenario: Scenario, translator: PluginConfig, seed: int) -> dict[Role, str]:
        """The stages that make translations and measure them, by role."""
        source = scenario.source
        chain: dict[Role, str] = {}
        if self._needs_source_segmenter(translator):
            chain[SOURCE_SEGMENTER] = self._fit_control(scenario, self.matrix.auxiliary_segmenter, FLOOR, seed)
        fitted = chain[Role(FIT_TRANSLATOR)] = self._fit_translator(
            scenario, translator, chain.get(SOURCE_SEGMENTER), seed
        )
        chain[Role(TRANSLATE)] = self._translate(translator, fitted, self._split(scenario, source, "train"), seed)
        if scenario.score_translations == "test" or scenario.checkpoint == "source-val":
            chain[HELD_OUT] = self._translate(translator, fitted, self._split(scenario, source, "test"), seed)
        judged = [metric for metric in self._metrics("translation") if self._needs("target_segmenter", [metric])]
        others = [metric for metric in self._metrics("translation") if metric not in judged]
        chain[Role(SCORE_TRANSLATION)] = self._score_translation(scenario, translator, others, chain, seed)
        if judged:
            chain[TARGET_SEGMENTER] = self._fit_control(scenario, self.matrix.auxiliary_segmenter, CEILING, seed)
            chain[TARGET_SEGMENTER_SCORES] = self._score_translation(scenario, translator, judged, chain, seed)
        return chain

    def _fit_translator(
        self, scenario: Scenario, translator: PluginConfig, auxiliary_segmenter: str | None, seed: int
    ) -> str:
        spec = {"translator": plugin_identity(translator), "seed": seed, "compute": self._compute()}
        inputs = {
            "source": self._split(scenario, scenario.source, "train"),
            "target": self._split(scenario, scenario.target, "train"),
        }
        if auxiliary_segmenter is not None:
            spec["auxiliary_segmenter"] = plugin_identity(self.matrix.auxiliary_segmenter)
            inputs["segmenter"] = auxiliary_segmenter
        return self._add(FIT_TRANSLATOR, translator.alias, spec, inputs, seed)

    def _translate(self, translator: PluginConfig, fitted: str, source: str, seed: int) -> str:
        inputs = {"translator": fitted, "source": source}
        return self._add(TRANSLATE, translator.alias, {"translator": plugin_identity(translator)}, inputs, seed)

    def _score_translation(
        self,
        scenario: Scenario,
        translator: PluginConfig,
        metrics: Sequence[PluginConfig],
        chain: Mapping[Role, str],
        seed: int,
    ) -> str:
        """Measure the training translations, or those of the source test split against the target's."""
        split = scenario.score_translations
        spec: dict[str, Any] = {"metrics": plugin_identities(metrics)}
        inputs = {
            "source": self._split(scenario, scenario.source, split),
            "translated": chain[Role(TRANSLATE) if split == "train" else HELD_OUT],
            "target": self._split(scenario, scenario.target, split),
        }
        if TARGET_SEGMENTER in chain:
            spec["auxiliary_segmenter"] = plugin_identity(self.matrix.auxiliary_segmenter)
            inputs["segmenter"] = chain[TARGET_SEGMENTER]
        if self._needs("translator", metrics):
            spec["translator"] = plugin_identity(translator)
            inputs["translator"] = chain[Role(FIT_TRANSLATOR)]
        return self._add(SCORE_TRANSLATION, translator.alias, spec, inputs, seed)

    def _fit_control(self, scenario: Scenario, segmenter: PluginConfig, control: str, seed: int) -> str:
        """The training of a control row, which is also that of an auxiliary segmenter.

        Source images say nothing about a model of the target: under `source-val`, the oracle keeps its last weights.
        """
        side = scenario.target if control == CEILING else scenario.source
        by_source = scenario.checkpoint == "source-val" and control == FLOOR
        held_out = self._split(scenario, side, "test") if by_source else None
        return self._fit_segmenter(scenario, segmenter, self._split(scenario, side, "train"), held_out, seed)

    def _fit_segmenter(
        self, scenario: Scenario, segmenter: PluginConfig, train: str, held_out: str | None, seed: int
    ) -> str:
        """Train on one labelled set; under `source-val`, `held_out` chooses the checkpoint."""
        inputs = {"train": train, "target": self._split(scenario, scenario.target, "train")}
        if scenario.checkpoint == "oracle-val":
            inputs["validation"] = self._split(scenario, scenario.target, "test")
        if scenario.checkpoint == "source-val" and held_out is not None:
            inputs["validation"] = held_out
        spec = {"segmenter": plugin_identity(segmenter), "seed": seed, "compute": self._compute()}
        return self._add(FIT_SEGMENTER, segmenter.alias, spec, inputs, seed)

    def _split(self, scenario: Scenario, side: Side, role: Literal["train", "test"]) -> str:
        """One split of one side, prepared."""
        return self._prepare(side, side.train if role == "train" else side.test, scenario.size)

    def _prepare(self, side: Side, split: str, size: tuple[int, int]) -> str:
        place = content_key([side.dataset, side.options]), split, size
        if place not in self._prepared:
            code = self._dataset_code(side)
            identity = {"name": side.dataset, "version": self._spec(side).version, "options": side.options}
            spec = {
                "dataset": identity | ({"code": code} if code else {}),
                "fingerprint": self._fingerprint(side, split),
                "split": split,
                "size": list(size),
            }
            self._prepared[place] = self._add(PREPARE, side.dataset, spec, {})
        return self._prepared[place]

    def _add(
        self, kind: str, plugin: str, spec: dict[str, Any], inputs: dict[str, str], seed: int | None = None
    ) -> str:
        spec = {"kind": kind, "format": STAGE_KINDS[kind].format, **spec}
        key = content_key({"spec": without_runtime_options(spec), "inputs": inputs})
        if key not in self.stages:
            self.stages[key] = Stage(kind, key, plugin, seed, spec, inputs, self.code.of_stage(spec, self.registry))
        return key

    def _with_code(self, matrix: Matrix) -> Matrix:
        """The matrix with the digests of all plugins that are given as files."""
        return replace(
            matrix,
            translators=tuple(self._plugin_with_code(plugin) for plugin in matrix.translators),
            segmenters=tuple(self._plugin_with_code(plugin) for plugin in matrix.segmenters),
            metrics=tuple(self._plugin_with_code(plugin) for plugin in matrix.metrics),
            auxiliary_segmenter=self._plugin_with_code(matrix.auxiliary_segmenter),
        )

    def _plugin_with_code(self, plugin: PluginConfig) -> PluginConfig:
        try:
            return replace(plugin, code=self._file_digest(plugin.kind, plugin.name))
        except PluginError:  # a control, or a plugin whose cells will say what is wrong
            return plugin

    def _dataset_code(self, side: Side) -> str:
        return self._file_digest("dataset", side.dataset)

    def _file_digest(self, kind: str, name: str) -> str:
        """Digest of the files of a plugin that is given as a file, empty for others; `PluginError` as `find`."""
        return self.code.of_files(self.registry.find(kind, name), self.registry.project)

    def _spec(self, side: Side) -> PluginSpec:
        return self.registry.find("dataset", side.dataset)

    def _dataset(self, side: Side) -> Dataset:
        place = content_key([side.dataset, side.options])
        if place not in self._datasets:
            self._datasets[place] = self.registry.create(self._spec(side), side.options)
        return self._datasets[place]

    def _fingerprint(self, side: Side, split: str) -> str:
        place = content_key([side.dataset, side.options]), split
        if place not in self._fingerprints:
            self._fingerprints[place] = self._dataset(side).fingerprint(split)
        return self._fingerprints[place]

    def _compute(self) -> dict[str, Any]:
        """As asked for: what "auto" comes to on a machine is provenance, like the machine."""
        matrix = self.matrix
        return {"device": matrix.device, "precision": matrix.precision, "threads": matrix.threads}

    def _metrics(self, subject: str) -> list[PluginConfig]:
        """The metrics over one subject, with those that do not say beforehand what they measure."""
        measures = {metric.name: self.registry.find("metric", metric.name).measures for metric in self.matrix.metrics}
        return [metric for metric in self.matrix.metrics if measures[metric.name] in ("", subject)]


def _asked(scenario: Scenario, question: Callable[[Side], Answer]) -> list[Answer]:
    """What the data sets of both sides answer; their errors are told with the side they belong to."""
    answers = []
    for role, side in (("source", scenario.source), ("target", scenario.target)):
        where = f"scenario '{scenario.name}', {role}"
        try:
            answers.append(question(side))
        except DataError as error:
            raise DataError(f"{where}: {error}") from error
        except BenchError:
            raise
        except Exception as error:  # a third party's code: whatever it raises makes its own cells invalid
            raise PluginError(f"{where}: dataset '{side.dataset}' failed: {one_line(error)}") from error
    return answers


def _shared_classes(scenario: Scenario, source: tuple[str, ...], target: tuple[str, ...]) -> tuple[str, ...]:
    if source != target:
        different = sorted(set(source) ^ set(target)) or ["their order"]
        raise DataError(
            f"scenario '{scenario.name}': both sides must have the same classes, but they differ in "
            f"{', '.join(different)}"
        )
    return source


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-") or "x"
