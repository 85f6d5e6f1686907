"""From the text `module:attribute` or `file.py:attribute` to the object it names."""

from __future__ import annotations

import hashlib
import sys
from contextlib import redirect_stdout
from functools import reduce
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from textwrap import shorten
from types import ModuleType
from typing import Any

from benchmark.api.spec import PluginSpec
from benchmark.errors import PluginError
from benchmark.registry.user_code import raised_at


def import_entry(spec: PluginSpec, entry: str) -> Any:
    """The object that an import string of a plugin names; `PluginError` with cause and place when there is none."""
    place, _, attribute = entry.rpartition(":")
    try:
        return reduce(getattr, attribute.split("."), import_place(place))
    except (Exception, SystemExit) as error:  # importing runs a third party's code, which may raise anything
        raise PluginError(
            f"{spec.kind} '{spec.name}' ({spec.distribution}): importing {entry} failed: {one_line_with_place(error)}"
        ) from error


def import_place(place: str) -> ModuleType:
    """The module of a dotted name or of a file; what it prints goes to standard error, as output may be JSON."""
    with redirect_stdout(sys.stderr):
        return _import_file(Path(place)) if place.endswith(".py") else import_module(place)


def resolve_relative_file(place: str, folder: Path) -> str:
    """A module, or the absolute path of a file given from a folder."""
    return str((folder / place).resolve()) if place.endswith(".py") else place


def resolve_relative_entry(entry: str, folder: Path) -> str:
    """An import string whose file, if it names one, is made absolute from a folder."""
    place, _, attribute = entry.rpartition(":")
    return f"{resolve_relative_file(place, folder)}:{attribute}" if place.endswith(".py") else entry


def one_line(error: BaseException) -> str:
    """Kind and message of an exception, without line breaks and not endlessly long."""
    return _with_kind(error, str(error))


def one_line_with_place(error: BaseException) -> str:
    """As `one_line`, with file and line of the author's code where it was raised, if it was raised there."""
    # A syntax error's own text ends with the name of the file, without its folder.
    text = _with_kind(error, error.msg if isinstance(error, SyntaxError) else str(error))
    place = raised_at(error)
    return f"{text} ({place})" if place else text


def _with_kind(error: BaseException, text: str) -> str:
    message = shorten(text, width=300, placeholder=" ...")
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _import_file(path: Path) -> ModuleType:
    # Two files of one name in different folders are different modules: the path is part of the module's name.
    name = f"{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
