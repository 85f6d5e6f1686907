"""Text from plugins, files and logs, made fit to be printed."""

from __future__ import annotations

import re

_ESCAPE_SEQUENCES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])|\x9b[0-?]*[ -/]*[@-~]"
)
_SPACES = str.maketrans({"\n": " ", "\r": " ", "\t": " ", "\v": " ", "\f": " "})
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Control characters, line separators, and marks that turn the direction of writing."""


def printable(text: str) -> str:
    r"""One line without escape sequences and control characters, which could clear a terminal or hide text.

    >>> printable("\x1b[2Jred\x1b[0m\nalert\x07")
    'red alert'
    """
    without_sequences = _ESCAPE_SEQUENCES.sub("", text)
    return _CONTROLS.sub("", without_sequences.translate(_SPACES))
