"""Reading TOML into strict models, with errors that name the file, the key and the likely meaning."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from benchmark.errors import UsageError, did_you_mean, display_path

Model = TypeVar("Model", bound=BaseModel)
Location = tuple[str, ...]

TOML_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "tuple": "a list",
    "list": "a list",
    "dict": "a table",
    "model": "a table",
}
"""What a user writes for a value of a type; keys are how the names of pydantic's errors begin."""


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file; `UsageError` with the line when it is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        guess = did_you_mean(path.name, (file.name for file in path.parent.glob("*.toml") if file != path))
        reason = error.strerror or error
        raise UsageError(
            f"{display_path(path)}: expected a TOML file, but it cannot be read ({reason}){guess and '.'}{guess}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{display_path(path)}: not valid TOML: {error}") from error
    except RecursionError as error:
        raise UsageError(f"{display_path(path)}: its lists or tables stand too deep in each other") from error


def validate(model: type[Model], values: Mapping[str, Any], where: Callable[[Location], str]) -> Model:
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
        lines = [_line(model, dict(details), values, where) for details in _causes(error)]
        raise UsageError("; ".join(dict.fromkeys(lines))) from None


def in_file(path: Path) -> Callable[[Location], str]:
    """Names places by a file and its keys, for `validate`."""
    return lambda location: ": ".join(part for part in (display_path(path), ".".join(location)) if part)


def _causes(error: ValidationError) -> list[ErrorDetails]:
    """The errors without those of lists and tables that only follow from one inside."""
    every = error.errors(include_url=False)
    inner = {one["loc"][:length] for one in every for length in range(1, len(one["loc"]))}
    return [one for one in every if one["loc"] not in inner]


def _line(
    model: type[BaseModel], details: Mapping[str, Any], values: Mapping[str, Any], where: Callable[[Location], str]
) -> str:
    length = len(details["loc"]) if details["type"] == "missing" else _depth(values, details["loc"])
    location = tuple(str(part) for part in details["loc"][:length])
    return f"{where(location)}: {_problem(model, location, details)}"


def _depth(values: Any, location: Sequence[str | int]) -> int:
    """How far a location leads into what the user wrote; behind that, pydantic names the parts of a type."""
    for depth, part in enumerate(location):
        try:
            values = values[part]
        except (LookupError, TypeError):
            return depth
    return len(location)


def _problem(model: type[BaseModel], location: Location, details: Mapping[str, Any]) -> str:
    if details["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"unknown option.{did_you_mean(location[-1], _names(model, location[:-1]))}"
    if details["type"] == "missing":
        return "is missing"
    if details["type"] in ("value_error", "assertion_error"):
        return str(details["msg"].removeprefix("Value error, "))
    return f"must {_demand(details)}, but is {details['input']!r}"


def _demand(details: Mapping[str, Any]) -> str:
    """What pydantic asks for, in the words of TOML."""
    kind, _, problem = details["type"].partition("_")
    if kind in TOML_WORDS and problem in ("type", "parsing", "from_float"):
        return f"be {TOML_WORDS[kind]}"
    if details["type"] in ("too_short", "too_long"):
        which, limit = ("least", "min_length") if details["type"] == "too_short" else ("most", "max_length")
        count = details["ctx"][limit]
        return f"have at {which} {count} item{'s' * (count != 1)}"
    demand: str = details["msg"].partition(" should ")[2]
    return demand or f"fit ({details['msg']})"


def _names(model: type[BaseModel], location: Location) -> Iterable[str]:
    """The fields of the model or data class nested at a location, as far as annotations tell."""
    for part in location:
        field = model.model_fields.get(part)
        if field is None:
            continue
        kinds = list(_parts(field.annotation))
        records = [kind for kind in kinds if is_dataclass(kind)]
        if records:
            return [field.name for field in fields(records[0])]
        nested = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if nested:
            model = nested[0]
    return model.model_fields


def _parts(annotation: Any) -> Iterable[Any]:
    yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _parts(argument)
