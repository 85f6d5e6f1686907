"""Options of pix2pix, in a module that loads no heavy library."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bench_engine.options import TrainingOptions
from bench_gan.options import AdversarialOptions, PatchOptions, unit


class UnetOptions(TrainingOptions):
    """Sizes of a `bench_pix2pix.networks.UnetGenerator`."""

    filters: int = Field(64, ge=1, description="Channels of the generator's first layer.")
    downsamplings: int = Field(
        8,
        ge=1,
        le=12,
        description="How often the generator halves height and width: 8 for 256 x 256 images. Images are mirrored up "
        "to a multiple of 2^downsamplings, so 2^downsamplings should not exceed their shorter side.",
    )
    dropout: float = Field(
        0.5, ge=0, lt=1, description="Share of features dropped in the innermost decoder layers during training."
    )
    norm_eps: float = Field(1e-5, gt=0, description="Added to the variance in instance norm.")


class Pix2PixOptions(AdversarialOptions, UnetOptions, PatchOptions):
    """The defaults are those of Isola et al. 2017, arXiv:1611.07004, sections 3 and 6, for Cityscapes."""

    # 200 epochs over the 2975 training images of Cityscapes.
    images_seen: int = Field(
        595_000, ge=1, description="Pairs of images seen in all.", json_schema_extra=unit("images")
    )
    gan_loss: Literal["lsgan", "vanilla"] = Field(
        "vanilla", description="Least squares, or cross-entropy with the non-saturating generator loss."
    )
    pool: int = Field(
        0,
        ge=0,
        description="Generated pairs kept to show to the discriminator again.",
        json_schema_extra=unit("images"),
    )
    order: Literal["generator-first", "discriminator-first"] = Field(
        "discriminator-first", description="Which side is updated first in a step."
    )
    lambda_l1: float = Field(
        100.0, ge=0, description="Weight of the absolute difference to the true image; 0: not computed."
    )
