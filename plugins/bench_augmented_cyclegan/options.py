"""Options of Augmented CycleGAN, in a module that loads no heavy library."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bench_gan.options import AdversarialOptions, unit


class AugmentedCycleGANOptions(AdversarialOptions):
    """The defaults are those of the authors' code for edges and shoes (github.com/aalmah/augmented_cyclegan).

    There an epoch has some 50 000 images of 64 x 64 pixels, and 50 epochs are trained.
    """

    images_seen: int = Field(
        2_500_000,
        ge=1,
        description="Source images seen in all; as many target images.",
        json_schema_extra=unit("images"),
    )
    batch_size: int = Field(
        32, ge=1, description="Source images of one step; as many target images.", json_schema_extra=unit("images")
    )
    flip: bool = Field(False, description="Mirror training images left to right with probability 1/2.")
    pool: int = Field(
        0,
        ge=0,
        description="Generated images, and latents, kept to show to a discriminator again.",
        json_schema_extra=unit("images"),
    )
    order: Literal["generator-first", "discriminator-first"] = Field(
        "discriminator-first", description="Which side is updated first in a step."
    )
    lr_discriminator: float | None = Field(
        4e-5,
        gt=0,
        description="Learning rate of Adam for the discriminators, a fifth of the generators' in the authors' code; "
        "none: that of the generators.",
    )
    clip_norm: float | None = Field(
        500.0,
        gt=0,
        description="Largest norm of all gradients of the generators, and of the discriminators; none: any.",
    )

    lambda_cycle: float = Field(1.0, ge=0, description="Weight of the cycle loss of images, of either direction.")
    lambda_latent: float = Field(
        0.025, ge=0, description="Weight of the cycle loss of the latent that a translation was made with."
    )
    lambda_identity: float = Field(
        0.0,
        ge=0,
        description="Weight of the identity loss of either domain, which the paper lacks; 0: not computed.",
    )

    variants: int = Field(
        4,
        ge=1,
        description="Translations of each image that are stored, each with a latent of its own.",
        json_schema_extra=unit("images"),
    )
    latent_size: int = Field(16, ge=1, description="Numbers in a latent.")
    filters: int = Field(32, ge=1, description="Channels of a generator's first layer.")
    blocks: int = Field(3, ge=0, description="Residual blocks of a generator.")
    downsamplings: int = Field(1, ge=0, le=5, description="How often a generator halves height and width.")
    encoder_filters: int = Field(32, ge=1, description="Channels of the latent encoder's first layer.")
    discriminator_filters: int = Field(
        64, ge=1, description="Channels of the first layer of the target's discriminator."
    )
    source_discriminator_filters: int = Field(
        32, ge=1, description="Channels of the first layer of the source's discriminator."
    )
    source_discriminator_layers: int = Field(
        4, ge=1, description="Strided convolutions of the source's discriminator: 4 score windows of some 64 pixels."
    )
    latent_discriminator_filters: int = Field(64, ge=1, description="Width of the latent discriminator's layers.")
    norm_eps: float = Field(1e-5, gt=0, description="Added to the variance in all norms.")
    initial_scale: float = Field(
        0.0,
        ge=0,
        description="What instance norms, the conditional ones too, multiply with before training, on average. With "
        "the authors' 0 a latent switches half of all channels off; with 1 all are alive, for short trainings.",
    )
    initial_latent_weight: float = Field(
        0.02, ge=0, description="Deviation of the weights by which a latent moves conditional norms, before training."
    )
