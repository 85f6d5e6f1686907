"""Data model of a plan: stages (nodes of a graph), cells (rows of one seed), and which stages goals need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmark.api.spec import RowRole
from benchmark.plan.stage_kinds import STAGE_KINDS, Role

if TYPE_CHECKING:
    from benchmark.config.matrix import Matrix


@dataclass(frozen=True)
class Stage:
    """One piece of work, done once however many cells need it.

    Attributes:
        kind: A key of `STAGE_KINDS`.
        key: Hash of `inputs` and of what of `spec` decides the outcome.
        plugin: Alias of the translator or segmenter, or name of the data set, for people.
        seed: Seed of the cells it belongs to; None where it does not depend on one.
        spec: Everything that decides the outcome, besides the inputs; JSON values.
        inputs: Keys of the stages whose folders it reads, by role.
        code: Digests of the packages whose code it would run today, by name; not part of the key.
    """

    kind: str
    key: str
    plugin: str
    seed: int | None
    spec: dict[str, Any]
    inputs: dict[str, str]
    code: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cell:
    """One row of results before it is averaged over seeds.

    Attributes:
        id: Unique, and a valid file name.
        scenario, translator, segmenter: Name and aliases.
        seed: Of its translator, and of the first segmenter trained on the translations.
        segmenter_seed: Number of its segmenter among those trained on the same translations, from 0.
        config_key: Hash of everything but the seeds and the metrics.
        stages: Keys of its own stages by role; those that prepare data are found through their inputs.
        skipped: Why this cell makes no sense (a paired translator in an unpaired scenario), or None.
        invalid: Why a plugin of this cell cannot be used, or None.
        role: What its row is to the others.
    """

    id: str
    scenario: str
    translator: str
    segmenter: str
    seed: int
    config_key: str
    stages: dict[Role, str]
    skipped: str | None = None
    invalid: str | None = None
    segmenter_seed: int = 0
    role: RowRole = ""

    @property
    def essential(self) -> tuple[str, ...]:
        """Keys of the stages without which it is not done; one for a purpose serves scores, which may be missing."""
        found = (role for role in self.stages if STAGE_KINDS[role.kind].essential and not role.purpose)
        return tuple(self.stages[role] for role in found)

    @property
    def scores(self) -> tuple[str, ...]:
        """Keys of the stages that give its values, each those of one metric."""
        return tuple(key for role, key in self.stages.items() if STAGE_KINDS[role.kind].scores)

    @property
    def goals(self) -> tuple[str, ...]:
        """Keys of the stages it is planned for; all others are there because these read them."""
        return self.essential + self.scores


@dataclass(frozen=True)
class Plan:
    """All stages and cells of a matrix.

    Attributes:
        stages: By key; a stage stands behind its inputs.
        cells: In the order of the matrix.
        matrix: Where it came from.
        classes: Names of the classes, by scenario.
        fingerprints: Of the data of each scenario, by side and split ("source train").
        scenarios: By name, as JSON values without the options of data sets that do not affect results.
        value_names: Names of the values of each metric, by alias; empty where only its class knows them.
        unusable_metrics: Why a metric cannot be used, by alias.
    """

    stages: dict[str, Stage]
    cells: tuple[Cell, ...]
    matrix: Matrix
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    fingerprints: dict[str, dict[str, str]] = field(default_factory=dict)
    scenarios: dict[str, dict[str, Any]] = field(default_factory=dict)
    value_names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unusable_metrics: dict[str, str] = field(default_factory=dict)


def stages_to_run(stages: Mapping[str, Stage], goals: Iterable[str], done: Mapping[str, bool]) -> list[str]:
    """Keys of the unfinished stages that goals need, in the order of the plan; inputs of finished stages are left out.

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
