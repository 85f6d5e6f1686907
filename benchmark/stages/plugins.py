"""Plugins as stages use them: created from their options, or loaded as they were fitted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.api.stage_context import StageContext
from benchmark.plan.keys import RUNTIME_ONLY
from benchmark.registry.registry import Registry

MODEL = "model"


def create_plugin(registry: Registry, kind: str, config: Mapping[str, Any]) -> Any:
    """An unfitted plugin from its configuration in the specification of a stage."""
    spec = registry.find(kind, config["name"])
    options = {**config["options"], **config.get(RUNTIME_ONLY, {})}
    return registry.create(spec, options)


def load_fitted(registry: Registry, kind: str, config: Mapping[str, Any], fitted: Path, context: StageContext) -> Any:
    """A plugin as a finished stage saved it, on the device of the run."""
    model = create_plugin(registry, kind, config)
    model.load(fitted / MODEL)
    model.to(context.device)
    return model
