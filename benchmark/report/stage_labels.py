"""Names of stages for people: kind, plugin and the row that a stage serves."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from benchmark.api.spec import CEILING, FLOOR
from benchmark.plan.stage_kinds import (
    METRICS_SOURCE_SEGMENTER,
    PREPARE,
    SCORE_SEGMENTATION,
    SOURCE_SEGMENTER,
    STAGE_KINDS,
    TARGET_SEGMENTER,
    TRANSLATE,
)

if TYPE_CHECKING:
    from benchmark.plan.model import Plan, Stage

CONTROL_ROWS = {SOURCE_SEGMENTER: FLOOR, METRICS_SOURCE_SEGMENTER: FLOOR, TARGET_SEGMENTER: CEILING}
"""Whose training the auxiliary segmenter's is, by its role in a cell."""


def count_of(number: int, noun: str) -> str:
    """A number of things.

    >>> count_of(1, "stage"), count_of(0, "stage")
    ('1 stage', '0 stages')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def stage_rows(plan: Plan) -> dict[str, str]:
    """The row that a stage serves, by key.

    The translator is left out where there are several, or where the stage is named after it; the scenario also where
    the plan has no other. An auxiliary segmenter's training is that of a control row, and named so whomever it serves.
    """
    owners: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for cell in plan.cells:
        for role, key in cell.stages.items():
            row = CONTROL_ROWS.get(role, cell.translator)
            owners[key].add((cell.scenario, row))
    served = defaultdict(set, owners)
    # backwards, so that all that read a stage are known to serve their rows before the stage itself is looked at
    for key, stage in reversed(plan.stages.items()):
        for source in stage.inputs.values():
            if source not in owners:
                served[source] = served[source] | served[key]
    several = len({cell.scenario for cell in plan.cells}) > 1
    return {key: _row(served[key], stage.plugin, several_scenarios=several) for key, stage in plan.stages.items()}


def stage_names(plan: Plan) -> dict[str, str]:
    """Each stage in one line, by key."""
    row_names, subject_names = stage_rows(plan), subjects(plan)
    return {key: _name(stage, subject_names[key], row_names[key]) for key, stage in plan.stages.items()}


def subjects(plan: Plan) -> dict[str, str]:
    """The plugin of each stage, by key.

    Of a data set also the split, and options where others have it otherwise; of a translation the split where there
    are several; of a score the segmenter whose predictions it is over, where there are several.
    """
    same_split: dict[str, list[Stage]] = defaultdict(list)
    for stage in plan.stages.values():
        if stage.kind == PREPARE:
            same_split[f"{stage.plugin} {stage.spec['split']}"].append(stage)
    names = {key: stage.plugin for key, stage in plan.stages.items()}
    for name, stages in same_split.items():
        for key, options in _distinguishing_options(stages).items():
            names[key] = " ".join([name, *options])
    splits = {key: _split(plan, stage) for key, stage in plan.stages.items() if stage.kind == TRANSLATE}
    if len(set(splits.values())) > 1:
        names |= {key: f"{names[key]} {split}" for key, split in splits.items()}
    scores = [stage for stage in plan.stages.values() if stage.kind == SCORE_SEGMENTATION]
    segmenters = {stage.key: plan.stages[stage.inputs["predictions"]].plugin for stage in scores}
    if len(set(segmenters.values())) > 1:
        names |= {key: f"{names[key]} of {segmenter}" for key, segmenter in segmenters.items()}
    return names


def _split(plan: Plan, translation: Stage) -> str:
    return str(plan.stages[translation.inputs["source"]].spec["split"])


def _name(stage: Stage, subject: str, row: str) -> str:
    kind = STAGE_KINDS[stage.kind].title
    seed = "" if stage.seed is None else f", seed {stage.seed}"
    return f"{kind} {subject} on {row}{seed}" if row else f"{kind} {subject}{seed}"


def _row(served: set[tuple[str, str]], plugin: str, *, several_scenarios: bool) -> str:
    """Text of the row that a stage serves, from the pairs of scenario and translator that need it."""
    scenarios = {scenario for scenario, _ in served}
    translators = {translator for _, translator in served}
    parts: list[str] = []
    if several_scenarios and len(scenarios) == 1:
        parts += scenarios
    if len(translators) == 1 and plugin not in translators:
        parts += translators
    return ": ".join(parts)


def _distinguishing_options(stages: Sequence[Stage]) -> dict[str, list[str]]:
    """The first options in which stages of one data set and split differ, as `option=value`, by key."""
    distinguishing: dict[str, list[str]] = {stage.key: [] for stage in stages}
    if len(stages) == 1:
        return distinguishing
    settings = {stage.key: stage.spec["dataset"]["options"] | {"scenario.size": stage.spec["size"]} for stage in stages}
    for name in settings[stages[0].key]:
        distinct = {tuple(texts) for texts in distinguishing.values()}
        if len(distinct) == len(stages):  # further options would only make the names longer
            break
        texts = {key: _setting(name, options.get(name)) for key, options in settings.items()}
        if len(set(texts.values())) > 1:
            distinguishing = {key: [*before, texts[key]] for key, before in distinguishing.items()}
    return distinguishing


def _setting(name: str, value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return f"{name}={shorten(text, 40, placeholder=' ...')}"
