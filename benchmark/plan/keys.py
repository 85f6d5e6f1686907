"""Content keys: what decides the outcome of a stage, as one hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from benchmark.config.matrix import PluginConfig

KEY_LENGTH = 20
RUNTIME_ONLY = "runtime_only"
"""In a specification: options that do not change the outcome, and so are not part of its key."""


def content_key(value: Any) -> str:
    """A hash of JSON values that does not depend on the order of their names."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]


def plugin_identity(choice: PluginConfig) -> dict[str, Any]:
    """What of a plugin's configuration decides the outcome: all but its alias and its runtime options."""
    options: dict[str, dict[str, Any]] = {"options": {}, RUNTIME_ONLY: {}}
    for name, value in choice.options.items():
        options[RUNTIME_ONLY if name in choice.runtime_options else "options"][name] = value
    code = {"code": choice.code} if choice.code else {}
    return {"name": choice.name, "version": choice.version, **code, **options}


def plugin_identities(choices: Iterable[PluginConfig]) -> list[dict[str, Any]]:
    """`plugin_identity` of each."""
    return [plugin_identity(choice) for choice in choices]


def without_runtime_options(value: Any) -> Any:
    """A specification without what does not change the outcome."""
    if isinstance(value, list):
        return [without_runtime_options(item) for item in value]
    if isinstance(value, dict):
        return {name: without_runtime_options(item) for name, item in value.items() if name != RUNTIME_ONLY}
    return value
