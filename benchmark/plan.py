"""From a matrix to the stages it needs: cells that need the same work share one stage, named by its content."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from benchmark.config import Choice, Matrix
from benchmark.contracts.dataset import Dataset
from benchmark.contracts.scenario import Scenario, Side
from benchmark.contracts.spec import CEILING, PluginSpec
from benchmark.errors import BenchError, DataError, PluginError
from benchmark.registry import Registry
from benchmark.targets import one_line

Answer = TypeVar("Answer")

KEY_LENGTH = 20
FORMATS = {
    "prepare": 1,
    "fit-translator": 1,
    "translate": 1,
    "score-translation": 1,
    "fit-segmenter": 1,
    "score-segmentation": 1,
}
"""What a stage of a kind means; raised when `benchmark.stages` comes to do it otherwise, so that old results age."""
ASIDE = "aside"
"""In a specification: options that do not change the outcome, and so are not part of its key."""
FITS = ("fit-translator", "fit-segmenter")


@dataclass(frozen=True)
class Stage:
    """One piece of work, done once however many cells need it.

    Attributes:
        kind: A key of `FORMATS`.
        key: Hash of `inputs` and of what of `spec` decides the outcome.
        plugin: Label of the translator or segmenter, or name of the data set, for people.
        seed: Seed of the cells it belongs to; None where it does not depend on one.
        spec: Everything that decides the outcome, besides the inputs; JSON values.
        inputs: Keys of the stages whose folders it reads, by role.
    """

    kind: str
    key: str
    plugin: str
    seed: int | None
    spec: dict[str, Any]
    inputs: dict[str, str]


@dataclass(frozen=True)
class Cell:
    """One row of results before it is averaged over seeds.

    Attributes:
        id: Unique, and a valid file name.
        scenario, translator, segmenter: Name and labels.
        seed: Its seed.
        config_key: Hash of everything but the seed and the metrics.
        stages: Keys of its own stages by kind; those that prepare data are found through their inputs.
        skipped: Why this cell makes no sense (a paired translator in an unpaired scenario), or None.
        invalid: Why a plugin of this cell cannot be used, or None.
    """

    id: str
    scenario: str
    translator: str
    segmenter: str
    seed: int
    config_key: str
    stages: dict[str, str]
    skipped: str | None = None
    invalid: str | None = None

    @property
    def goals(self) -> tuple[str, ...]:
        """Keys of the stages that make its numbers."""
        return tuple(key for kind, key in self.stages.items() if kind.startswith("score-"))


@dataclass(frozen=True)
class Plan:
    """What a matrix comes to.

    Attributes:
        stages: By key; a stage stands behind its inputs.
        cells: In the order of the matrix.
        matrix: Where it came from.
        classes: Names of the classes, by scenario.
    """

    stages: dict[str, Stage]
    cells: tuple[Cell, ...]
    matrix: Matrix
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)


def content_key(value: Any) -> str:
    """A hash of JSON values that does not depend on the order of their names."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]


def make_plan(matrix: Matrix, registry: Registry) -> Plan:
    """Lay out the stages of a matrix.

    A plugin that is registered but cannot be used makes its own cells invalid; all others are planned.

    Raises:
        DataError: Files of a data set are missing, or the two sides of a scenario differ in their classes.
    """
    planner = _Planner(matrix, registry)
    cells = tuple(planner.cells())
    return Plan(planner.stages, cells, matrix, planner.classes)


def needed(stages: Mapping[str, Stage], goals: Iterable[str], done: Mapping[str, bool]) -> list[str]:
    """Keys of the stages to make for the goals, in the order of the plan: what only finished stages read is left out.

    Args:
        stages: All stages.
        goals: Keys that are wanted in the end.
        done: Whether a stage is finished, for every key.
    """
    wanted: set[str] = set()
    waiting = list(goals)
    while waiting:
        key = waiting.pop()
        if key not in wanted and not done[key]:
            wanted.add(key)
            waiting += stages[key].inputs.values()
    return [key for key in stages if key in wanted]


def peers(plan: Plan) -> dict[str, int]:
    """How many other trainings of one kind may run beside each stage, by key.

    It depends on the plan alone, not on what is finished: the number of threads that is derived from it changes
    the last bits of a training, and an interrupted matrix has to end like an uninterrupted one.
    """
    order = list(plan.stages.values())
    bit = {stage.key: 1 << index for index, stage in enumerate(order)}
    before = dict.fromkeys(bit, 0)
    after = dict.fromkeys(bit, 0)
    for stage in order:
        for key in stage.inputs.values():
            before[stage.key] |= before[key] | bit[key]
    for stage in reversed(order):
        for key in stage.inputs.values():
            after[key] |= after[stage.key] | bit[stage.key]
    fits = [sum(bit[stage.key] for stage in order if stage.kind == kind) for kind in FITS]
    related = {key: before[key] | after[key] | bit[key] for key in bit}
    return {key: max((fit & ~related[key]).bit_count() for fit in fits) for key in bit}


class _Planner:
    """Collects the stages of a matrix while its cells are laid out."""

    def __init__(self, matrix: Matrix, registry: Registry) -> None:
        self.matrix = matrix
        self.registry = registry
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

    def _cell(self, scenario: Scenario, translator: Choice, segmenter: Choice, seed: int, broken: str | None) -> Cell:
        invalid, skipped = broken, None
        if not invalid:
            try:
                skipped = self._misfit(scenario, translator)
                self.registry.find("segmenter", segmenter.name)
            except PluginError as error:
                invalid = str(error)
        stages = {} if invalid or skipped else self._chain(scenario, translator, segmenter, seed)
        config_key = self._config_key(scenario, translator, segmenter)
        labels = (scenario.name, translator.label, segmenter.label)
        suffix = content_key([config_key, *labels])[:8]
        cell_id = ".".join([*map(_slug, labels), f"s{seed}", suffix])
        return Cell(cell_id, *labels, seed, config_key, stages, skipped, invalid)

    def _misfit(self, scenario: Scenario, translator: Choice) -> str | None:
        """Why a translator does not suit a scenario, or None."""
        if translator.kind == "control":
            return None
        needs = self.registry.find("translator", translator.name).needs
        if "paired" in needs and not scenario.paired:
            return f"translator '{translator.name}' needs paired images, and scenario '{scenario.name}' has none"
        if "segmenter" in needs:
            return f"translator '{translator.name}' needs a segmenter of the source images, which is not offered yet"
        return None

    def _config_key(self, scenario: Scenario, translator: Choice, segmenter: Choice) -> str:
        sides = (scenario.source, scenario.target) if scenario.name in self.classes else ()
        parts = {
            "scenario": scenario.model_dump(mode="json", exclude={"summary"}),
            "data": [self._fingerprint(side, split) for side in sides for split in (side.train, side.test)],
            "translator": _identity(translator),
            "segmenter": _identity(segmenter),
            "compute": self._compute(),
        }
        return content_key(_hashed(parts))

    def _chain(self, scenario: Scenario, translator: Choice, segmenter: Choice, seed: int) -> dict[str, str]:
        """The stages of one cell, by kind."""
        source, target = scenario.source, scenario.target
        chain: dict[str, str] = {}
        source_train = self._prepare(source, source.train, scenario.size)
        target_train = self._prepare(target, target.train, scenario.size)
        train = target_train if translator.name == CEILING else source_train
        if translator.kind != "control":
            chain["fit-translator"] = self._fit_translator(translator, source_train, target_train, seed)
            chain["translate"] = train = self._translate(translator, chain["fit-translator"], source_train, seed)
            inputs = {"source": source_train, "translated": train, "target": target_train}
            chain["score-translation"] = self._add(
                "score-translation", translator.label, {"metrics": self._metrics("translation")}, inputs, seed
            )
        inputs = {"train": train, "target": target_train}
        inputs |= self._validation(scenario, translator, chain.get("fit-translator"), seed)
        spec = {"segmenter": _identity(segmenter), "seed": seed, "compute": self._compute()}
        chain["fit-segmenter"] = self._add("fit-segmenter", segmenter.label, spec, inputs, seed)
        inputs = {"segmenter": chain["fit-segmenter"], "test": self._prepare(target, target.test, scenario.size)}
        spec = {"segmenter": _identity(segmenter), "metrics": self._metrics("segmentation")}
        chain["score-segmentation"] = self._add("score-segmentation", segmenter.label, spec, inputs, seed)
        return chain

    def _fit_translator(self, translator: Choice, source: str, target: str, seed: int) -> str:
        spec = {"translator": _identity(translator), "seed": seed, "compute": self._compute()}
        return self._add("fit-translator", translator.label, spec, {"source": source, "target": target}, seed)

    def _translate(self, translator: Choice, fitted: str, source: str, seed: int) -> str:
        inputs = {"translator": fitted, "source": source}
        return self._add("translate", translator.label, {"translator": _identity(translator)}, inputs, seed)

    def _validation(self, scenario: Scenario, translator: Choice, fitted: str | None, seed: int) -> dict[str, str]:
        """The labelled images that choose a checkpoint, as an input of `fit-segmenter`.

        Source images say nothing about a model of the target: under `source-val`, the oracle keeps its last weights.
        """
        if scenario.checkpoint == "oracle-val":
            return {"validation": self._prepare(scenario.target, scenario.target.test, scenario.size)}
        if scenario.checkpoint == "last" or translator.name == CEILING:
            return {}
        held_out = self._prepare(scenario.source, scenario.source.test, scenario.size)
        return {"validation": self._translate(translator, fitted, held_out, seed) if fitted else held_out}

    def _prepare(self, side: Side, split: str, size: tuple[int, int]) -> str:
        place = content_key([side.dataset, side.options]), split, size
        if place not in self._prepared:
            spec = {
                "dataset": {"name": side.dataset, "version": self._spec(side).version, "options": side.options},
                "fingerprint": self._fingerprint(side, split),
                "split": split,
                "size": list(size),
            }
            self._prepared[place] = self._add("prepare", side.dataset, spec, {})
        return self._prepared[place]

    def _add(
        self, kind: str, plugin: str, spec: dict[str, Any], inputs: dict[str, str], seed: int | None = None
    ) -> str:
        spec = {"kind": kind, "format": FORMATS[kind], **spec}
        key = content_key({"spec": _hashed(spec), "inputs": inputs})
        self.stages.setdefault(key, Stage(kind, key, plugin, seed, spec, inputs))
        return key

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

    def _compute(self) -> dict[str, str]:
        """As asked for: what "auto" comes to on a machine is provenance, like the machine."""
        return {"device": self.matrix.device, "precision": self.matrix.precision}

    def _metrics(self, subject: str) -> list[dict[str, Any]]:
        """The metrics over one subject, with those that do not say beforehand what they measure."""
        measures = {metric.name: self.registry.find("metric", metric.name).measures for metric in self.matrix.metrics}
        return [_identity(metric) for metric in self.matrix.metrics if measures[metric.name] in ("", subject)]


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


def _identity(choice: Choice) -> dict[str, Any]:
    """What of a choice decides the outcome, all but its label; options that do not stand aside."""
    options: dict[str, dict[str, Any]] = {"options": {}, ASIDE: {}}
    for name, value in choice.options.items():
        options[ASIDE if name in choice.aside else "options"][name] = value
    return {"name": choice.name, "version": choice.version, **options}


def _hashed(value: Any) -> Any:
    """A specification without what does not change the outcome."""
    if isinstance(value, list):
        return [_hashed(item) for item in value]
    if isinstance(value, dict):
        return {name: _hashed(item) for name, item in value.items() if name != ASIDE}
    return value


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-") or "x"
