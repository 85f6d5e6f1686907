"""Names of stages for people: kind, plugin and the row that a stage serves."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from benchmark.api.spec import CEILING, FLOOR
from benchmark.plan.stage_kinds import (
    PREPARE,
    SCORE_SEGMENTATION,
    SOURCE_SEGMENTER,
    STAGE_KINDS,
    TARGET_SEGMENTER,
    TRANSLATE,
)

if TYPE_CHECKING:
    from benchmark.plan.model import Plan, Stage

CONTROL_ROWS = {SOURCE_SEGMENTER: FLOOR, TARGET_SEGMENTER: CEILING}
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
    for key, stage in reversed(plan.stages.items()):
        for source in stage.inputs.values():
            if source not in owners:
                served[source] = served[source] | served[key]
    several = len({cell.scenario for cell in plan.cells}) > 1
    return {key: _row(served[key], stage.plugin, several=several) for key, stage in plan.stages.items()}


def stage_names(plan: Plan) -> dict[str, str]:
    """Each stage in one line, by key."""
    rows, about = stage_rows(plan), subjects(plan)
    return {key: _name(stage, about[key], rows[key]) for key, stage in plan.stages.items()}


def subjects(plan: Plan) -> dict[str, str]:
    """The plugin of each stage, by key.

    Of a data set also the split, and options where others have it otherwise; of a translation the split where there
    are several; of a score the segmenter whose predictions it is over, where there are several.
    """
    alike: dict[str, list[Stage]] = defaultdict(list)
    for stage in plan.stages.values():
        if stage.kind == PREPARE:
            alike[f"{stage.plugin} {stage.spec['split']}"].append(stage)
    names = {key: stage.plugin for key, stage in plan.stages.items()}
    for name, stages in alike.items():
        names |= {key: " ".join([name, *options]) for key, options in _distinguishing_options(stages).items()}
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


def _name(stage: Stage, about: str, row: str) -> str:
    seed = "" if stage.seed is None else f", seed {stage.seed}"
    return f"{STAGE_KINDS[stage.kind].title} {about}" + (f" on {row}" if row else "") + seed


def _row(served: set[tuple[str, str]], plugin: str, *, several: bool) -> str:
    scenarios, translators = ({pair[side] for pair in served} for side in (0, 1))
    parts = [*scenarios] if several and len(scenarios) == 1 else []
    parts += [*translators] if len(translators) == 1 and plugin not in translators else []
    return ": ".join(parts)


def _distinguishing_options(stages: Sequence[Stage]) -> dict[str, list[str]]:
    """The first options in which stages of one data set and split differ, as `option=value`, by key."""
    chosen_options: dict[str, list[str]] = {stage.key: [] for stage in stages}
    if len(stages) == 1:
        return chosen_options
    settings = {stage.key: stage.spec["dataset"]["options"] | {"scenario.size": stage.spec["size"]} for stage in stages}
    for name in settings[stages[0].key]:
        texts = {key: _setting(name, options.get(name)) for key, options in settings.items()}
        if len(set(texts.values())) > 1 and len(set(map(tuple, chosen_options.values()))) < len(stages):
            chosen_options = {key: [*before, texts[key]] for key, before in chosen_options.items()}
    return chosen_options


def _setting(name: str, value: Any) -> str:
    return f"{name}={shorten(value if isinstance(value, str) else json.dumps(value), 40, placeholder=' ...')}"
