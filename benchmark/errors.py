"""Errors that reach a user as one line: what was expected, what came, what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Self


class BenchError(Exception):
    """A mistake the user can mend; the command line prints it without a traceback and exits with `exit_code`."""

    exit_code = 2


class UsageError(BenchError):
    """Wrong arguments or configuration."""


class PluginError(BenchError):
    """A plugin that cannot be found, loaded or registered."""


class DataError(BenchError):
    """A data set whose files are missing, damaged or do not fit its declaration."""


class StoreError(BenchError):
    """A results folder that cannot be read or written."""

    @classmethod
    def unwritable(cls, path: object, error: OSError) -> Self:
        """For a file or folder of the results that the system refuses to write."""
        reason = error.strerror or error
        return cls(f"{path}: cannot be written ({reason}); make room for it, or choose another --results folder")


class Unavailable(BenchError):
    """A value that cannot be computed here; the row stays, its column shows this reason."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint to append to an error, or nothing when no known word is close.

    >>> did_you_mean("cyclgan", ["cyclegan", "reinhard"])
    " Did you mean 'cyclegan'?"
    """
    matches = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean '{matches[0]}'?" if matches else ""


def display_path(path: Path) -> str:
    """A path as a user would write it: relative where it lies in the working folder, `~` for the home folder."""
    for place, prefix in ((Path.cwd(), ""), (Path.home(), "~/")):
        if path.is_relative_to(place):
            return prefix + str(path.relative_to(place))
    return str(path)
