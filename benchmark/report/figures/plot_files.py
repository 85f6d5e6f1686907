"""Plots as the bytes of a file: equal plots give equal files."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WITHOUT_DATE: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}
"""What of the metadata differs from run to run, by format."""


def plot_bytes(figure: Figure, file_format: str) -> bytes:
    """A plot as a file in a format of `WITHOUT_DATE`."""
    file = io.BytesIO()
    figure.savefig(file, format=file_format, metadata=WITHOUT_DATE[file_format])
    return file.getvalue()
