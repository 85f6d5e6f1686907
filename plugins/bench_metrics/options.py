"""Options of the shipped metrics, apart from their code so that a plan is made without torch."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator

from benchmark import PluginOptions

WEIGHTS_NAME = "pt_inception-2015-12-05-6726825d.pth"
WEIGHTS_URL = f"https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{WEIGHTS_NAME}"


def usual_weights() -> Path:
    """Where pytorch-fid keeps its weights: torch.hub's cache, which `TORCH_HOME` moves."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    home = Path(os.environ.get("TORCH_HOME") or cache / "torch")
    return home.expanduser() / "hub" / "checkpoints" / WEIGHTS_NAME


def _usual_weights_if_there() -> Path | None:
    # Part of the resolved options, so that a score that was missing is computed once the file has come.
    return usual_weights() if usual_weights().is_file() else None


class InceptionOptions(PluginOptions):
    """What FID and KID share: where the weights of their network are, and how many images they look at."""

    weights: Path | None = Field(
        default_factory=_usual_weights_if_there,
        description=f"State dict of pytorch-fid's InceptionV3; by default {WEIGHTS_NAME} in the checkpoints folder of "
        "torch.hub, when it is there.",
        json_schema_extra={"affects_results": False},  # its content does
    )
    weights_digest: str = Field("", description="SHA-256 of the weights; filled in from the file.")
    download: bool = Field(
        False, description="Fetch the weights from pytorch-fid's release page when the file is absent."
    )
    max_images: int = Field(
        5000,
        ge=2,
        description="How many images of each side are used, the first ones in the order of their set.",
        json_schema_extra={"unit": "images"},
    )

    @field_validator("weights")
    @classmethod
    def _absolute(cls, weights: Path | None) -> Path | None:
        # A stage may run in another folder than the one in which the option was typed.
        return weights and weights.expanduser().absolute()

    @field_validator("weights_digest")
    @classmethod
    def _filled_in(cls, value: str, info: ValidationInfo) -> str:
        weights = info.data.get("weights")
        if weights is None or not weights.is_file():
            return value
        digest = _file_digest(weights, weights.stat().st_mtime_ns)
        if value not in ("", digest):
            raise ValueError(f"{weights} has changed since this configuration was resolved")
        return digest


@cache
def _file_digest(path: Path, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
