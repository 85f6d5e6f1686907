"""What a package adds to `bench doctor`: one finding about this machine."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from textwrap import shorten
from typing import Literal


@dataclass(frozen=True)
class DoctorCheck:
    """One line of `bench doctor`.

    Attributes:
        level: "fail" means that something will not work.
        name: What was looked at.
        detail: What was found.
        advice: What to do, where something is to be done.
    """

    level: Literal["ok", "warn", "fail"]
    name: str
    detail: str
    advice: str = ""


def check_import(name: str, module: str, advice: str) -> DoctorCheck:
    """Whether a module can be imported, by importing it."""
    try:
        import_module(module)
    except Exception as error:  # whatever a foreign module raises while it is imported is the finding
        reason = shorten(f"{type(error).__name__}: {error}", width=300, placeholder=" ...")
        return DoctorCheck("fail", name, f"cannot be imported: {reason}", advice)
    return DoctorCheck("ok", name, "imports")
