"""The forms of a matrix file and of a budget file, and how the command line completes them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PositiveFloat, model_validator

from benchmark.api.stage_context import RequestedDevice, RequestedPrecision
from benchmark.config.overrides import SECTIONS
from benchmark.errors import UsageError, did_you_mean, shown
from benchmark.registry.packaged_files import find_config
from benchmark.toml_models import in_file, read_toml, validated

Override = tuple[tuple[str, ...], Any]

DEFAULT_METRICS = ("segmentation", "semantic-flip", "fid", "kid", "ssim", "cycle-error", "diversity")
DEMO = "demo"
"""Name of the matrix that runs when nothing is asked for."""

_AXES = ("scenarios", "translators", "segmenters")


def _speakable(alias: str) -> str:
    if alias and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", alias):
        raise ValueError(f"a label is made of letters, digits and . _ + -, but is '{alias}'")
    return alias


class Entry(BaseModel):
    """A plugin in a list of a matrix: a name, or a table where it is to have a label and options of its own.

    Attributes:
        name: Name of the plugin.
        alias: What its row is called; by default the name.
        options: Options of this entry alone.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    alias: Annotated[str, AfterValidator(_speakable)] = ""
    options: dict[str, Any] = {}

    @model_validator(mode="after")
    def _fill_alias(self) -> Self:
        self.alias = self.alias or self.name
        return self


def _table(value: Any) -> Any:
    """A plain name as the table it stands for."""
    return {"name": value} if isinstance(value, str) else value


def _tables(values: Any) -> Any:
    """Plain names in a list, as the tables they stand for."""
    if not isinstance(values, (list, tuple)):
        return values
    return [_table(value) for value in values]


def _unlike(values: tuple[Any, ...]) -> tuple[Any, ...]:
    names = [value.alias if isinstance(value, Entry) else value for value in values]
    for name in names:
        if names.count(name) > 1:
            hint = "; give one a label" if isinstance(values[0], Entry) else ""
            raise ValueError(f"'{name}' stands there twice{hint}")
    return values


_Entries = Annotated[tuple[Entry, ...], Field(min_length=1), BeforeValidator(_tables), AfterValidator(_unlike)]
_Seed = Annotated[int, Field(strict=True, ge=0, lt=2**32)]  # what every library takes as one
_Options = dict[str, dict[str, Any]]


class Budget(BaseModel):
    """A budget file: options by section and name; the name `"*"` addresses whatever has the option."""

    model_config = ConfigDict(extra="forbid")

    summary: str = ""
    scenario: _Options = {}
    translator: _Options = {}
    segmenter: _Options = {}
    metric: _Options = {}


class Request(Budget):
    """A matrix file: the lists that span the matrix, its auxiliary segmenter, and options as in a budget."""

    scenarios: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_unlike)]
    translators: _Entries
    segmenters: _Entries
    auxiliary_segmenter: Annotated[Entry | None, BeforeValidator(_table)] = None
    metrics: _Entries = tuple(Entry(name=name) for name in DEFAULT_METRICS)
    seeds: Annotated[tuple[_Seed, ...], Field(min_length=1), AfterValidator(_unlike)] = (0,)
    budget: str = ""
    precision: RequestedPrecision = "auto"
    device: RequestedDevice = "auto"
    timeout: PositiveFloat | None = None


def read_request(
    file: Path | str | None, asked: Mapping[str, Any], overrides: Sequence[Override], project: Path
) -> tuple[Request, str]:
    """A matrix file with what the command line asks for in its place.

    Args:
        file: The file, or the name of one in `configs/matrices`; None is the shipped demo, or only its lists where
            the command line has some.
        asked: Values of command-line options, by field.
        overrides: Parsed `--set` options; those of options of plugins are left for later.
        project: The working folder.

    Returns:
        The request, and the file's name for errors.
    """
    path = find_config("matrices", DEMO if file is None else str(file), project)
    values = read_toml(path)
    if file is None and any(axis in asked for axis in _AXES):
        values = {axis: values[axis] for axis in _AXES}
    listed = values.get("segmenters", ())
    origins = dict.fromkeys(values, f"{shown(path)}: ")
    for key, value in asked.items():
        values[key] = _labelled(value, values.get(key, ()))
        origins[key] = "--"
    for (key, *rest), value in overrides:
        if key not in SECTIONS:
            _check_top_level(key, rest)
            values[key], origins[key] = value, "--set "
    if isinstance(auxiliary := values.get("auxiliary_segmenter"), str):
        lists = [entries for entries in (listed, values.get("segmenters")) if isinstance(entries, (list, tuple))]
        [values["auxiliary_segmenter"]] = _labelled([auxiliary], [entry for entries in lists for entry in entries])
    fallback = f"{shown(path)}: "
    request = validated(Request, values, lambda location: f"{origins.get(location[0], fallback)}{'.'.join(location)}")
    return request, shown(path)


def _labelled(asked: Any, entries: Any) -> Any:
    """Names from the command line, those that are labels of the file's entries as these entries."""
    if not isinstance(asked, (list, tuple)) or not isinstance(entries, (list, tuple)):
        return asked
    tables = [entry for entry in entries if isinstance(entry, dict)]
    aliases = {entry["alias"]: entry for entry in tables if isinstance(entry.get("alias"), str)}
    return [aliases.get(name, name) for name in asked]


def _check_top_level(key: str, rest: Sequence[str]) -> None:
    known = [name for name in Request.model_fields if name != "summary"]
    if key not in known or rest:
        written = ".".join((key, *rest))
        raise UsageError(f"--set {written}: unknown option.{did_you_mean(key, known)} Known: {', '.join(known)}")


def read_budget(name: str, project: Path) -> tuple[Budget, Path]:
    """A budget by name or path, and its file."""
    path = find_config("budgets", name, project)
    return validated(Budget, read_toml(path), in_file(path)), path
