"""The form of a matrix file, and how the command line completes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
    model_validator,
)

from benchmark.api.scenario import check_row_name
from benchmark.api.stage_context import RequestedDevice, RequestedPrecision
from benchmark.config.budget import BudgetFile
from benchmark.config.matrix import SEGMENTER_SEED_STEP, Output
from benchmark.config.overrides import SECTIONS
from benchmark.errors import UsageError, did_you_mean, display_path
from benchmark.registry.packaged_files import find_config
from benchmark.toml_models import read_toml, validate

Override = tuple[tuple[str, ...], Any]

DEMO = "demo"
"""Name of the matrix that runs when nothing is asked for."""
DEFAULT_EXECUTOR = "local"

_AXES = ("scenarios", "translators", "segmenters")


class Entry(BaseModel):
    """A plugin in a list of a matrix: a name, or a table where it is to have an alias and options of its own.

    Attributes:
        name: Name of the plugin.
        alias: What its row is called; by default the name.
        options: Options of this entry alone.
        family: Of a segmenter; see `PluginConfig.family`.
        output: Of a translator; see `PluginConfig.output`.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    alias: Annotated[str, AfterValidator(lambda alias: alias and check_row_name(alias, "an alias"))] = ""
    options: dict[str, Any] = {}
    family: Annotated[str, AfterValidator(lambda family: family and check_row_name(family, "a family"))] = ""
    output: Output = "target"

    @model_validator(mode="after")
    def _fill_alias(self) -> Self:
        self.alias = self.alias or self.name
        return self


def _entry_table(value: Any) -> Any:
    """A plain name as the table it stands for."""
    return {"name": value} if isinstance(value, str) else value


def _entry_tables(values: Any) -> Any:
    """Plain names in a list, as the tables they stand for."""
    if not isinstance(values, (list, tuple)):
        return values
    return [_entry_table(value) for value in values]


def _require_unique(values: tuple[Any, ...]) -> tuple[Any, ...]:
    names = [value.alias if isinstance(value, Entry) else value for value in values]
    for name in names:
        if names.count(name) > 1:
            hint = "; give one an alias" if isinstance(values[0], Entry) else ""
            raise ValueError(f"'{name}' stands there twice{hint}")
    return values


def _executor_tables(value: Any) -> Any:
    """A plain name as the empty table of options it stands for."""
    return {value: {}} if isinstance(value, str) else value


def _default_executor() -> dict[str, dict[str, Any]]:
    return {DEFAULT_EXECUTOR: {}}


def _require_one_executor(tables: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    if len(tables) > 1:
        raise ValueError(f"there are tables of {' and '.join(sorted(tables))}; choose one with --executor")
    return tables


_Entries = Annotated[
    tuple[Entry, ...], Field(min_length=1), BeforeValidator(_entry_tables), AfterValidator(_require_unique)
]
_Seed = Annotated[int, Field(strict=True, ge=0, lt=2**32)]  # what every library takes as one
_Executor = Annotated[
    dict[str, dict[str, Any]], BeforeValidator(_executor_tables), AfterValidator(_require_one_executor)
]


class Request(BudgetFile):
    """A matrix file: the lists that span the matrix, its auxiliary segmenter, and options as in a budget."""

    scenarios: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_require_unique)]
    translators: _Entries
    segmenters: _Entries
    auxiliary_segmenter: Annotated[Entry | None, BeforeValidator(_entry_table)] = None
    metrics: _Entries
    seeds: Annotated[tuple[_Seed, ...], Field(min_length=1), AfterValidator(_require_unique)] = (0,)
    segmenter_seeds: PositiveInt = 1
    source_scores: bool = False
    budget: str = ""
    precision: RequestedPrecision = "auto"
    device: RequestedDevice = "auto"
    timeout: PositiveFloat | None = None
    threads: PositiveInt = 1
    executor: _Executor = Field(default_factory=_default_executor)

    @field_validator("segmenter_seeds")
    @classmethod
    def _leaves_room(cls, value: int, info: ValidationInfo) -> int:
        largest = max(info.data.get("seeds", (0,)))
        if value > 1 and largest >= SEGMENTER_SEED_STEP:
            raise ValueError(
                f"expected seeds below {SEGMENTER_SEED_STEP} where segmenter_seeds is above 1, but one is {largest}"
            )
        return value


TOP_LEVEL_KEYS = tuple(name for name in Request.model_fields if name not in ("summary", *SECTIONS))
KNOWN_KEYS = (*SECTIONS, *TOP_LEVEL_KEYS)
"""What the first key of `--set` may be."""


def read_request(
    file: Path | str | None,
    asked: Mapping[str, Any],
    overrides: Sequence[Override],
    usual_metrics: Sequence[str],
    project: Path,
) -> tuple[Request, str]:
    """A matrix file with what the command line asks for in its place.

    Args:
        file: The file, or the name of one in `configs/matrices`; None is the shipped demo, or only its lists where
            the command line has some.
        asked: Values of command-line options, by field.
        overrides: Parsed `--set` options; those of options of plugins are left for later.
        usual_metrics: Metrics where nobody names any.
        project: The working folder.

    Returns:
        The request, and the file's name for errors.
    """
    file_or_name = DEMO if file is None else str(file)
    path = find_config("matrices", file_or_name, project)
    values = read_toml(path)
    if file is None and any(axis in asked for axis in _AXES):
        values = {axis: values[axis] for axis in _AXES}
    segmenters_of_file = values.get("segmenters", ())
    values["metrics"] = _metric_list(values.get("metrics", list(usual_metrics)), usual_metrics, "metrics")
    origins = dict.fromkeys(values, f"{display_path(path)}: ")
    for key, value in asked.items():
        values[key] = _asked_value(key, value, values.get(key, ()))
        origins[key] = "--"
    for keys, value in overrides:
        key = keys[0]
        if key in TOP_LEVEL_KEYS:
            if len(keys) > 1:
                raise UsageError(f"--set {'.'.join(keys)}: '{key}' has no options; set it as a whole")
            values[key], origins[key] = value, "--set "
    if isinstance(auxiliary := values.get("auxiliary_segmenter"), str):
        # an alias may be that of an entry of the file even where the command line names other segmenters
        entries: list[Any] = []
        for segmenters in (segmenters_of_file, values.get("segmenters")):
            if isinstance(segmenters, (list, tuple)):  # what is no list is refused below
                entries += segmenters
        [values["auxiliary_segmenter"]] = _entries_by_alias([auxiliary], entries)
    fallback = f"{display_path(path)}: "

    def where(location: tuple[str, ...]) -> str:
        origin = origins.get(location[0], fallback)
        return f"{origin}{'.'.join(location)}"

    return validate(Request, values, where), display_path(path)


def _asked_value(key: str, asked: Any, in_file: Any) -> Any:
    """What a command-line option puts in the place of a file's value."""
    if key == "executor":
        options = in_file.get(asked, {}) if isinstance(in_file, dict) else {}
        return {asked: options}
    if key == "metrics" and isinstance(in_file, (list, tuple)):
        asked = _metric_list(asked, in_file, "--metrics")
    return _entries_by_alias(asked, in_file)


def _entries_by_alias(asked: Any, entries: Any) -> Any:
    """Names from the command line, those that are aliases of the file's entries as these entries."""
    if not isinstance(asked, (list, tuple)) or not isinstance(entries, (list, tuple)):
        return asked
    tables = [entry for entry in entries if isinstance(entry, dict)]
    aliases = {entry["alias"]: entry for entry in tables if isinstance(entry.get("alias"), str)}
    return [aliases.get(name, name) if isinstance(name, str) else name for name in asked]


def _metric_list(asked: Any, usual: Sequence[Any], where: str) -> Any:
    """A list of metrics in which `+name` adds to the usual ones, and `-name` takes one away.

    >>> _metric_list(["-fid", "+edges"], ["segmentation", "fid"], "--metrics")
    ['segmentation', 'edges']
    """
    if not isinstance(asked, (list, tuple)):
        return asked
    changes = [entry for entry in asked if isinstance(entry, str) and entry[:1] in ("+", "-")]
    if not changes:
        return asked
    if len(changes) < len(asked):
        raise UsageError(f"{where}: either every name has + or - before it, which changes the usual list, or none has")
    metrics = list(usual)
    for change in changes:
        sign, name = change[0], change[1:]
        names = [_entry_name(entry) for entry in metrics]
        if sign == "+":
            if name not in metrics:
                metrics.append(name)
        elif name in names:
            metrics = [entry for entry in metrics if _entry_name(entry) != name]
        else:
            guess = did_you_mean(name, [str(known) for known in names])
            raise UsageError(f"{where}: '{change}' takes away a metric that is not in the list.{guess}")
    return metrics


def _entry_name(entry: Any) -> Any:
    """The alias of an entry in a list, or its name."""
    return entry.get("alias", entry.get("name")) if isinstance(entry, dict) else entry
