"""What a package adds to the command line: a short way to say a `--set` option."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class CommandOption:
    """An option of `bench run` and `bench matrix` that stands for `--set KEY=VALUE`.

    Attributes:
        flag: As it is typed: `"--fid-weights"`.
        sets: The key: `"metric.weights"`.
        value: What a user gives: a text, the path of an existing file (made absolute), or a number.
        help: One line for `--help`.
    """

    flag: str
    sets: str
    value: Literal["text", "file", "number"] = "text"
    help: str = ""
