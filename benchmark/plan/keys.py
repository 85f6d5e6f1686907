"""Content keys: what decides the outcome of a stage, as one hash."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from benchmark.config.matrix import Matrix, PluginConfig

KEY_LENGTH = 20
RUNTIME_ONLY = "runtime_only"
"""In a specification: options that do not change the outcome, and so are not part of its key."""


def content_key(value: Any) -> str:
    """A hash of JSON values that does not depend on the order of their names."""
    # sorted and without spaces: one value has one text, in every version of Python
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]


def plugin_identity(config: PluginConfig) -> dict[str, Any]:
    """A plugin in a specification: name, version, code and options, runtime options apart; the alias is left out."""
    options: dict[str, dict[str, Any]] = {"options": {}, RUNTIME_ONLY: {}}
    for name, value in config.options.items():
        options[RUNTIME_ONLY if name in config.runtime_options else "options"][name] = value
    # no empty entry: keys of plugins that are no files must not depend on this field
    code = {"code": config.code} if config.code else {}
    return {"name": config.name, "version": config.version, **code, **options}


def compute_identity(matrix: Matrix) -> dict[str, Any]:
    """Requested device, precision and threads; what "auto" resolves to on a machine is part of the provenance."""
    return {"device": matrix.device, "precision": matrix.precision, "threads": matrix.threads}


def without_runtime_options(value: Any) -> Any:
    """A specification without what does not change the outcome."""
    if isinstance(value, list):
        return [without_runtime_options(item) for item in value]
    if isinstance(value, dict):
        return {name: without_runtime_options(item) for name, item in value.items() if name != RUNTIME_ONLY}
    return value
