"""A plugin's pydantic options as rows of text."""

from __future__ import annotations

import json
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

LIMITS = {
    "gt": "> {}",
    "ge": ">= {}",
    "lt": "< {}",
    "le": "<= {}",
    "multiple_of": "multiple of {}",
    "min_length": "length >= {}",
    "max_length": "length <= {}",
    "pattern": "matches {}",
}


def option_rows(options: type[BaseModel], prefix: str = "") -> list[tuple[str, ...]]:
    """One row per option: name, type, default, unit, limits, meaning; options within options as `outer.inner`.

    Of options by name, in a table such as `splits`, those of one entry follow, as `splits.NAME.inner`.
    """
    rows: list[tuple[str, ...]] = []
    for name, field in options.model_fields.items():
        arguments = get_args(field.annotation)
        if _is_options(field.annotation):
            rows += option_rows(field.annotation, f"{prefix}{name}.")
            continue
        rows.append((f"{prefix}{name}", *_row(field)))
        if get_origin(field.annotation) is dict and _is_options(arguments[1]):
            rows += option_rows(arguments[1], f"{prefix}{name}.NAME.")
    return rows


def _is_options(annotation: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def type_name(annotation: Any) -> str:
    """A type as a user would write a value of it.

    >>> type_name(Literal["linear", "cosine"] | None)
    '"linear" | "cosine" | none'
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in (None, NoneType):
        return "none"
    if origin is Annotated:
        return type_name(arguments[0])
    if origin is Literal:
        return " | ".join(json.dumps(argument) for argument in arguments)
    if origin in (Union, UnionType):
        return " | ".join(type_name(argument) for argument in arguments)
    if origin is not None:
        inner = ", ".join("..." if argument is Ellipsis else type_name(argument) for argument in arguments)
        return f"{origin.__name__}[{inner}]"
    return str(getattr(annotation, "__name__", annotation))


def _row(field: FieldInfo) -> tuple[str, ...]:
    extra = field.json_schema_extra
    unit = str(extra.get("unit", "")) if isinstance(extra, dict) else ""
    meaning = " ".join((field.description or "").split())
    return type_name(field.annotation), _default(field), unit, _limits(field), meaning


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "(required)"
    value = to_jsonable_python(field.get_default(call_default_factory=True, validated_data={}))
    return "none" if value is None else json.dumps(value)


def _limits(field: FieldInfo) -> str:
    found = []
    for constraint in field.metadata:
        for name, text in LIMITS.items():
            limit = getattr(constraint, name, None)
            if limit is not None:
                found.append(text.format(limit))
    return ", ".join(found)
