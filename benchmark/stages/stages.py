"""Which function does the work of which kind of stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmark.api.stage_context import StageContext
from benchmark.registry.registry import Registry
from benchmark.stages.inputs import Inputs
from benchmark.stages.preparation import prepare
from benchmark.stages.scoring import score_segmentation, score_translation
from benchmark.stages.training import fit_segmenter, fit_translator, translate


def run_stage(spec: Mapping[str, Any], inputs: Inputs, context: StageContext, registry: Registry) -> None:
    """Do the work of a stage in `context.folder`.

    Args:
        spec: `Stage.spec`.
        inputs: Folders of the finished stages it reads, by role.
        context: Device, precision, seed, and the folder.
        registry: Where its plugins are found.
    """
    STAGES[spec["kind"]](spec, inputs, context, registry)


STAGES: Mapping[str, Callable[[Mapping[str, Any], Inputs, StageContext, Registry], None]] = {
    "prepare": prepare,
    "fit-translator": fit_translator,
    "translate": translate,
    "score-translation": score_translation,
    "fit-segmenter": fit_segmenter,
    "score-segmentation": score_segmentation,
}
