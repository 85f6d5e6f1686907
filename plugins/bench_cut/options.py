"""Options of CUT and FastCUT, in a module that loads no heavy library."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from bench_gan.options import AdversarialOptions, PatchOptions, ResnetOptions, unit

HORSE2ZEBRA_EPOCH = 1334
"""Steps of an epoch of the reference code on horse2zebra: the images of its larger training set, the zebras."""


class CUTOptions(AdversarialOptions, ResnetOptions, PatchOptions):
    """The defaults are those of the paper, its lengths as on horse2zebra: Park et al. 2020, arXiv:2007.15651.

    What the paper leaves open is as in its reference code.
    """

    images_seen: int = Field(
        400 * HORSE2ZEBRA_EPOCH,
        ge=1,
        description="Source images seen in all; as many target images.",
        json_schema_extra=unit("images"),
    )
    pool: int = Field(
        0,
        ge=0,
        description="Generated images kept to show to the discriminator again.",
        json_schema_extra=unit("images"),
    )
    order: Literal["generator-first", "discriminator-first"] = Field(
        "discriminator-first", description="Which side is updated first in a step."
    )
    upsampling: Literal["transpose", "nearest", "bilinear"] = Field(
        "bilinear", description="Transposed convolution, or enlarging by this rule followed by a convolution."
    )
    antialias: bool = Field(
        True, description="Halve by smoothing after a convolution of stride 1, in generator and discriminator."
    )
    init_gain: float = Field(0.02, gt=0, description="Factor of the deviation that Glorot's rule gives weights.")

    lambda_nce: float = Field(1.0, ge=0, description="Weight of the contrast between source and translation.")
    lambda_nce_identity: float = Field(
        1.0,
        ge=0,
        description="Weight of the contrast between target images and what becomes of them; 0: not computed.",
    )
    temperature: float = Field(0.07, gt=0, description="What cosine similarities are divided by.")
    patches: int = Field(256, ge=2, description="Places compared per layer, all of them where there are fewer.")
    head_width: int = Field(256, ge=1, description="Units of both layers of each head.")
    contrast_blocks: tuple[PositiveInt, ...] = Field(
        (1, 5),
        description="Residual blocks whose outputs are compared, beside pixels and halving convolutions; first is 1.",
    )
    flip_equivariance: bool = Field(
        False, description="Translate mirrored source images in half of the steps, and compare with unmirrored ones."
    )

    @model_validator(mode="after")
    def _contrast_blocks_exist(self) -> CUTOptions:
        for number in self.contrast_blocks:
            if number > self.blocks:
                raise ValueError(
                    f"contrast_blocks: expected numbers from 1 to {self.blocks}, the residual blocks there are, but "
                    f"one is {number}; name others, or raise blocks"
                )
        if len(set(self.contrast_blocks)) < len(self.contrast_blocks):
            raise ValueError("contrast_blocks: expected each residual block once; leave out the repeated one")
        return self


class FastCUTOptions(CUTOptions):
    """FastCUT: a stronger contrast on source images alone, half as long a training."""

    images_seen: int = Field(
        200 * HORSE2ZEBRA_EPOCH,
        ge=1,
        description="Source images seen in all; as many target images.",
        json_schema_extra=unit("images"),
    )
    constant_share: float = Field(
        0.75, ge=0, lt=1, description="Share of the training before learning rates start to fall."
    )
    lambda_nce: float = Field(10.0, ge=0, description="Weight of the contrast between source and translation.")
    lambda_nce_identity: float = Field(
        0.0,
        ge=0,
        description="Weight of the contrast between target images and what becomes of them; 0: not computed.",
    )
    flip_equivariance: bool = Field(
        True, description="Translate mirrored source images in half of the steps, and compare with unmirrored ones."
    )
