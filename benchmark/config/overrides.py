"""Values that users set for options, each with the place it was set at, and the order in which they win."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.errors import UsageError, did_you_mean

SECTIONS = ("scenario", "translator", "segmenter", "metric", "executor")
EVERY = "*"
"""The name of a table that addresses everything of its section that has the option."""

Keys = tuple[str, ...]

_INNER_TABLES = {("source",), ("target",), ("source", "options"), ("target", "options")}
"""Tables of a scenario whose keys are set one by one; any other value is replaced whole."""


@dataclass(frozen=True)
class Setting:
    """One value for one option.

    Attributes:
        section: One of `SECTIONS`.
        name: Name or alias of what is addressed, or `EVERY`.
        path: Keys of the option: `("lambda_cycle",)`, `("source", "options", "count")`.
        value: A TOML value.
        where: The file and key, or the command-line option, for errors.
    """

    section: str
    name: str
    path: Keys
    value: Any
    where: str


@dataclass(frozen=True)
class Subject:
    """Something that has options: a scenario, or a plugin as one matrix uses it.

    Attributes:
        section: One of `SECTIONS`.
        name: Its name.
        alias: Its name in this matrix.
        options: The keys of its options; those of a scenario's data sets as `("source", "options", key)`.
    """

    section: str
    name: str
    alias: str
    options: frozenset[Keys]

    def has(self, path: Keys) -> bool:
        """Whether an option is one of its own, or lies within one."""
        return any(path[: len(option)] == option for option in self.options)

    def settings(self, layer: Iterable[Setting]) -> list[Setting]:
        """What of a layer applies: settings for everything first, then by name, then by alias."""
        order = {EVERY: 0, self.alias: 2} | {self.name: 1}  # an alias that is the name stands for the name
        mine = [setting for setting in layer if setting.section == self.section and setting.name in order]
        mine = [setting for setting in mine if setting.name != EVERY or self.has(setting.path)]
        return sorted(mine, key=lambda setting: order[setting.name])


def table_settings(
    tables: Mapping[str, Mapping[str, Mapping[str, Any]]], where: Callable[[Keys], str]
) -> list[Setting]:
    """The settings in the tables `[section.name]` of a file."""
    settings = []
    for section in SECTIONS:
        for name, table in tables.get(section, {}).items():
            for path, value in leaves(section, table):
                origin = where((section, name, *path))
                settings.append(Setting(section, name, path, value, origin))
    return settings


def leaves(section: str, table: Mapping[str, Any], path: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """The options in one table, with their keys."""
    for key, value in table.items():
        here = (*path, key)
        if section == "scenario" and here in _INNER_TABLES and isinstance(value, Mapping):
            yield from leaves(section, value, here)
        else:
            yield here, value


def apply_settings(start: Mapping[str, Any], settings: Iterable[Setting]) -> dict[str, Any]:
    """Nested values after each setting in turn; `start` stays as it is."""
    values: dict[str, Any] = dict(start)
    for setting in settings:
        values = _assign(values, setting.path, setting.value)
    return values


def _assign(values: Mapping[str, Any], path: Keys, value: Any) -> dict[str, Any]:
    """A copy of nested values in which a path has another value; what is no table on the way becomes one."""
    key, *rest = path
    if not rest:
        return {**values, key: value}
    inner = values.get(key)
    table = inner if isinstance(inner, Mapping) else {}
    return {**values, key: _assign(table, tuple(rest), value)}


def error_location(settings: Sequence[Setting], otherwise: str) -> Callable[[Keys], str]:
    """A function that names where the value at a path was set last; `otherwise` is the prefix of what nobody set."""

    def where(path: Keys) -> str:
        for setting in reversed(settings):
            length = len(setting.path)
            if path[:length] == setting.path:  # the value itself, or something within it
                return ".".join((setting.where, *path[length:]))
            if path and setting.path[: len(path)] == path:
                return setting.where
        return ".".join((otherwise, *path))

    return where


def parse_override(text: str) -> tuple[Keys, Any]:
    """Keys and value of `--set KEY=VALUE`; `UsageError` when it is not of that form.

    >>> parse_override("translator.lambda_cycle=5")
    (('translator', 'lambda_cycle'), 5)
    """
    key, equals, literal = text.partition("=")
    try:
        path = _keys(tomllib.loads(f"{key} = 0"))
    except (tomllib.TOMLDecodeError, RecursionError):  # nested too deeply is the latter
        path = ()
    if not equals or not path:
        raise UsageError(f"--set {text}: expected KEY=VALUE, as in --set translator.lambda_cycle=5")
    try:
        parsed = tomllib.loads(f"value = {literal}")
    except (tomllib.TOMLDecodeError, RecursionError):
        parsed = {}
    if set(parsed) != {"value"}:
        hint = f"text must be quoted: --set '{key}=\"{literal}\"'"
        raise UsageError(f"--set {text}: expected a TOML value, but '{literal}' is none; {hint}")
    return path, parsed["value"]


def _keys(table: Mapping[str, Any]) -> Keys:
    if len(table) != 1:
        return ()
    [(key, value)] = table.items()
    return (key, *_keys(value)) if isinstance(value, Mapping) else (key,)


def override_setting(path: Keys, value: Any, subjects: Sequence[Subject], known: Sequence[str]) -> Setting:
    """What `--set SECTION[.NAME].OPTION=VALUE` addresses.

    Args:
        path: Keys; the first is a section.
        value: The value.
        subjects: All that the matrix uses.
        known: What the first key may be in all, for errors.

    Raises:
        UsageError: There is no such section, or nothing of it has that name or option.
    """
    section, *rest = path
    option = tuple(rest)
    where = f"--set {'.'.join(path)}"
    if section not in SECTIONS:
        owners = {subject.section for subject in subjects if subject.has(path)}
        guesses = " or ".join(f"{owner}.{'.'.join(path)}" for owner in SECTIONS if owner in owners)
        hint = f" Did you mean {guesses}?" if guesses else did_you_mean(section, known)
        raise UsageError(f"{where}: unknown option.{hint} Known: {', '.join(known)}")
    members = [subject for subject in subjects if subject.section == section]
    names: set[str] = set()
    options: set[str] = set()
    for subject in members:
        names |= {subject.name, subject.alias}
        options |= {key[0] for key in subject.options}
    if len(option) > 1 and option[0] in names:
        return Setting(section, option[0], option[1:], value, where)
    if any(subject.has(option) for subject in members):
        return Setting(section, EVERY, option, value, where)
    if not option or option[0] in names:
        named = option[0] if option else min(names)
        raise UsageError(f"{where}: expected an option, as in --set {section}.OPTION or {section}.{named}.OPTION")
    word = option[0]
    guess = did_you_mean(word, names | options)
    if len(members) == 1:
        listed = ", ".join(sorted(options)) or "none"
        raise UsageError(
            f"{where}: {section} '{members[0].alias}' has no option '{word}'.{guess} Its options: {listed}"
        )
    raise UsageError(
        f"{where}: no {section} of this matrix has the name or option '{word}'.{guess} "
        f"It uses: {', '.join(sorted(names))}"
    )


def check_used(layer: Iterable[Setting], subjects: Collection[Subject]) -> None:
    """Refuse settings for everything of a section that nothing of it takes; `UsageError` names the first."""
    for setting in layer:
        members = [subject for subject in subjects if subject.section == setting.section]
        if setting.name == EVERY and not any(subject.has(setting.path) for subject in members):
            known: set[str] = set()
            for subject in members:
                known |= {".".join(option) for option in subject.options}
            guess = did_you_mean(".".join(setting.path), known)
            raise UsageError(f"{setting.where}: no {setting.section} of this matrix has this option.{guess}")
