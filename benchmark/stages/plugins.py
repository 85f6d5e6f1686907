"""Plugins as stages use them: created from their options, or loaded as they were fitted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.api.stage_context import StageContext
from benchmark.plan.keys import RUNTIME_ONLY
from benchmark.registry.registry import Registry

MODEL = "model"


def create_plugin(registry: Registry, kind: str, choice: Mapping[str, Any]) -> Any:
    """An unfitted plugin from its configuration in the specification of a stage."""
    return registry.create(registry.find(kind, choice["name"]), {**choice["options"], **choice.get(RUNTIME_ONLY, {})})


def load_fitted(registry: Registry, kind: str, choice: Mapping[str, Any], fitted: Path, context: StageContext) -> Any:
    """A plugin as a finished stage saved it, on the device of the run."""
    model = create_plugin(registry, kind, choice)
    model.load(fitted / MODEL)
    model.to(context.device)
    return model
