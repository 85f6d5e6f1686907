"""Reading TOML into strict models, with errors that name the file, the key and the likely meaning."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from benchmark.errors import UsageError, did_you_mean, shown

Model = TypeVar("Model", bound=BaseModel)
Location = tuple[str, ...]


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file; `UsageError` with the line when it is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{shown(path)}: expected a TOML file, but {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{shown(path)}: not valid TOML: {error}") from error


def validated(model: type[Model], values: Mapping[str, Any], where: Callable[[Location], str]) -> Model:
    """An instance of a strict model.

    Args:
        model: The pydantic class.
        values: What the user gave.
        where: Names the place of a value, by its keys, for errors.

    Raises:
        UsageError: One line that names each value that does not fit, and where it came from.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        lines = [_line(model, dict(details), where) for details in error.errors(include_url=False)]
        raise UsageError("; ".join(dict.fromkeys(lines))) from None


def in_file(path: Path) -> Callable[[Location], str]:
    """Names places by a file and its keys, for `validated`."""
    return lambda location: ": ".join(part for part in (shown(path), ".".join(location)) if part)


def _line(model: type[BaseModel], details: Mapping[str, Any], where: Callable[[Location], str]) -> str:
    location = tuple(str(part) for part in details["loc"])
    return f"{where(location)}: {_problem(model, location, details)}"


def _problem(model: type[BaseModel], location: Location, details: Mapping[str, Any]) -> str:
    if details["type"] == "extra_forbidden":
        return f"unknown option.{did_you_mean(location[-1], _names(model, location[:-1]))}"
    if details["type"] == "missing":
        return "is missing"
    message = details["msg"].removeprefix("Value error, ")
    if details["type"] in ("value_error", "assertion_error"):
        return str(message)
    return f"{message[0].lower()}{message[1:]}, but is {details['input']!r}"


def _names(model: type[BaseModel], location: Location) -> Iterable[str]:
    """The fields of the model nested at a location, as far as annotations tell."""
    for part in location:
        field = model.model_fields.get(part)
        if field is None:
            continue
        nested = [kind for kind in _parts(field.annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if nested:
            model = nested[0]
    return model.model_fields


def _parts(annotation: Any) -> Iterable[Any]:
    yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _parts(argument)
