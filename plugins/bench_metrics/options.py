"""Options of the shipped metrics, apart from their code so that a plan is made without torch."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from benchmark.contracts.options import PluginOptions


class InceptionOptions(PluginOptions):
    """What FID and KID share: where the weights of their network are, and how many images they look at."""

    weights: Path | None = Field(
        None,
        description="State dict of pytorch-fid's InceptionV3; none: pt_inception-2015-12-05-6726825d.pth "
        "in the checkpoints folder of torch.hub.",
    )
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
