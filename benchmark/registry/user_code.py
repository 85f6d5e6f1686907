"""Where in a plugin author's code an exception was raised."""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path

from benchmark.errors import display_path

BENCH = Path(__file__).parents[1]
STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib"))
INSTALLED = {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}


def raised_at(error: BaseException) -> str:
    """File and line of the innermost frame in an author's code, as "file.py, line 3"; empty where there is none.

    An author's code is what belongs neither to bench nor to the standard library; of the rest, a frame in a project
    folder goes before those of installed packages, which it calls.
    """
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return f"{display_path(Path(error.filename))}, line {error.lineno}"
    frames = [(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    foreign = [(path, line) for path, line in frames if path.is_absolute() and not _belongs_to_python_or_bench(path)]
    own = [(path, line) for path, line in foreign if not _is_installed(path)]
    if not foreign:
        return ""
    path, line = (own or foreign)[-1]
    return f"{display_path(path)}, line {line}"


def _belongs_to_python_or_bench(path: Path) -> bool:
    in_library = path.is_relative_to(STANDARD_LIBRARY) and not _is_installed(path)
    return in_library or path.is_relative_to(BENCH)


def _is_installed(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in INSTALLED)
