"""JSON files that appear in one step, and plain values to put into them."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmark.errors import StoreError

_NUMBERS_ON_LINES = re.compile(r"\[\n\s+((?:-?\d[^\s,]*,\n\s+)*-?\d[^\s,]*)\n\s*\]")
"""A list of numbers as `json` indents it; a text cannot hold the line breaks."""


def read_json(path: Path) -> Any:
    """The value of a JSON file, or None where the file is missing or broken."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):  # nested too deeply is a RecursionError
        return None


def write_json(path: Path, value: Any, *, indent: int | None = None) -> None:
    """Write a JSON file in one step: who reads it sees the old file or the new one.

    Args:
        path: The file.
        value: JSON values.
        indent: Spaces of each level; lists of numbers stay on one line. None: all on one line.

    Raises:
        StoreError: The folder cannot be written.
    """
    text = json.dumps(value, indent=indent, allow_nan=False) + "\n"
    if indent is not None:
        text = _NUMBERS_ON_LINES.sub(_on_one_line, text)
    # in the same folder, as a rename is one step within a file system only; with the process, as several may write
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text)
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise StoreError.unwritable(path, error) from error


def _on_one_line(numbers: re.Match[str]) -> str:
    return f"[{' '.join(numbers[1].split())}]"


def plain(value: Any) -> Any:
    """JSON values for what plugins report: arrays and tensors as lists, None for what is not a number."""
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
