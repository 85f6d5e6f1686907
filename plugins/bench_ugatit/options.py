"""Options of U-GAT-IT, in a module that loads no heavy library."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from bench_gan.options import AdversarialOptions, unit


class UGATITOptions(AdversarialOptions):
    """The defaults are those of the paper (Kim et al. 2020, arXiv:1907.10830) in its light form.

    They agree with the authors' PyTorch code, znxlwm/UGATIT-pytorch, `main.py` and `UGATIT.py`.
    """

    images_seen: int = Field(
        1_000_000,
        ge=1,
        description="Source images seen in all; as many target images.",
        json_schema_extra=unit("images"),
    )
    lambda_discriminator: float = Field(1.0, gt=0, description="Weight of the discriminators' loss.")
    lambda_cycle: float = Field(10.0, ge=0, description="Weight of the cycle loss, of either direction.")
    lambda_identity: float = Field(10.0, ge=0, description="Weight of the identity loss, absolute; 0: not computed.")
    lambda_cam: float = Field(
        1000.0,
        ge=0,
        description="Weight of the generators' loss for telling the domains apart, absolute; 0: not computed.",
    )
    pool: int = Field(
        0,
        ge=0,
        description="Generated images kept to show to a discriminator again.",
        json_schema_extra=unit("images"),
    )
    order: Literal["generator-first", "discriminator-first"] = Field(
        "discriminator-first", description="Which side is updated first in a step."
    )
    lr: float = Field(1e-4, gt=0, description="Learning rate of Adam for the generators.")
    weight_decay: float = Field(1e-4, ge=0, description="Weight of the squared parameters in Adam's gradient.")

    size: Literal["light", "full"] = Field(
        "light",
        description="What gain and shift of the decoder come from: averages over the image, for images of any size; "
        "or every feature of it, for images of the size of `crop` only.",
    )
    filters: int = Field(64, ge=1, description="Channels of a generator's first layer.")
    blocks: int = Field(4, ge=0, description="Residual blocks of a generator's encoder, and as many of its decoder.")
    discriminator_filters: int = Field(64, ge=1, description="Channels of a discriminator's first layer.")
    global_layers: int = Field(
        7,
        ge=3,
        description="Convolutions of the global discriminators, all but two of them strided: 7 score patches of 286 "
        "pixels, 6 of 142, 5 of 70, 4 of 34. Images must measure 96, 48, 24 and 12 pixels at least.",
    )
    local_layers: int = Field(5, ge=3, description="Convolutions of the local discriminators, counted alike.")
    norm_eps: float = Field(1e-5, gt=0, description="Added to the variances in norms.")

    @field_validator("size")
    @classmethod
    def _full_needs_a_size(cls, size: str, info: ValidationInfo) -> str:
        if size == "full" and info.data.get("crop", ()) is None:
            raise ValueError(
                'expected "light", or "full" with crop = [height, width] of the images, because its networks fit one '
                'size only; crop is missing: set it, or take "light"'
            )
        return size
