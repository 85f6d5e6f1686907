"""Options that all adversarial trainings share, in a module that loads no heavy library."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt

from bench_engine.options import RUNTIME_ONLY, TrainingOptions

Decay = Annotated[float, Field(ge=0, lt=1)]


def unit(name: str) -> dict[str, Any]:
    """The unit of an option, for `Field(json_schema_extra=...)`."""
    return {"unit": name}


class AdversarialOptions(TrainingOptions):
    """What `bench_gan.model` and `bench_gan.translator` take; a plugin inherits it with the defaults of its paper.

    The defaults here are those of CycleGAN (Zhu et al. 2017, arXiv:1703.10593, section 4 and appendix 7). All of the
    options that are off by default (`enlarge`, and from `discriminator_steps` to `ema`) leave a training bit by bit as
    it is.
    """

    images_seen: int = Field(
        200_000,
        ge=1,
        description="Source images seen in all; as many target images.",
        json_schema_extra=unit("images"),
    )
    batch_size: int = Field(
        1, ge=1, description="Source images of one step; as many target images.", json_schema_extra=unit("images")
    )
    crop: tuple[PositiveInt, PositiveInt] | None = Field(
        None,
        description="Height and width of the random window each training image is cut to; none: whole images.",
        json_schema_extra=unit("pixels"),
    )
    enlarge: float = Field(
        1.0,
        ge=1,
        le=4,
        description="Factor by which training images are enlarged before a random window of the size of crop, or else "
        "of the image, is cut out: 1.117 is 286 / 256, the jitter of the codes of CycleGAN, pix2pix, CUT and U-GAT-IT.",
    )
    flip: bool = Field(True, description="Mirror training images left to right with probability 1/2.")

    gan_loss: Literal["lsgan", "vanilla"] = Field(
        "lsgan", description="Least squares, or cross-entropy with the non-saturating generator loss."
    )
    lambda_adversarial: float = Field(1.0, ge=0, description="Weight of the generators' adversarial loss.")
    lambda_discriminator: float = Field(0.5, gt=0, description="Weight of the discriminators' loss.")
    pool: int = Field(
        50,
        ge=0,
        description="Generated images kept to show to a discriminator again.",
        json_schema_extra=unit("images"),
    )
    order: Literal["generator-first", "discriminator-first"] = Field(
        "generator-first", description="Which side is updated first in a step."
    )

    lr: float = Field(2e-4, gt=0, description="Learning rate of Adam for the generators.")
    lr_discriminator: float | None = Field(
        None, gt=0, description="Learning rate of Adam for the discriminators; none: that of the generators."
    )
    betas: tuple[Decay, Decay] = Field((0.5, 0.999), description="Decay of Adam's two moments.")
    weight_decay: float = Field(0.0, ge=0, description="Weight of the squared parameters in Adam's gradient.")
    schedule: Literal["linear", "cosine"] = Field("linear", description="How learning rates fall to 0.")
    constant_share: float = Field(
        0.5, ge=0, lt=1, description="Share of the training before learning rates start to fall."
    )

    discriminator_steps: int = Field(
        1,
        ge=1,
        description="Updates of the discriminators per update of the generators, each on images of its own.",
    )
    instance_noise: float = Field(
        0.0,
        ge=0,
        description="Deviation of the noise on all that discriminators see, at the start; it falls linearly to 0.",
        json_schema_extra=unit("of images in [-1, 1]"),
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=0.5, description="How far below 1 the score is that discriminators are to give real images."
    )
    lambda_gradient_penalty: float = Field(
        0.0, ge=0, description="Weight of the squared gradient of the discriminators at real images (R1); 0: off."
    )
    ema: float = Field(
        0.0, ge=0, lt=1, description="Decay of the average of generator weights that translates in the end; 0: off."
    )

    checkpoint_every: int = Field(
        500, ge=1, description="How often the state is kept to resume from.", json_schema_extra=RUNTIME_ONLY
    )
    probes: int = Field(
        4,
        ge=1,
        description="Images of each domain in the sample pictures.",
        json_schema_extra=RUNTIME_ONLY | unit("images"),
    )


class ResnetOptions(TrainingOptions):
    """Sizes of a `bench_gan.networks.ResnetGenerator`."""

    filters: int = Field(64, ge=1, description="Channels of a generator's first layer.")
    blocks: int = Field(9, ge=0, description="Residual blocks of a generator: 6 for 128 x 128 images, 9 above.")
    downsamplings: int = Field(2, ge=0, le=5, description="How often a generator halves height and width.")
    upsampling: Literal["transpose", "nearest", "bilinear"] = Field(
        "transpose", description="Transposed convolution, or enlarging by this rule followed by a convolution."
    )
    norm_eps: float = Field(1e-5, gt=0, description="Added to the variance in instance norm.")


class PatchOptions(TrainingOptions):
    """Sizes of a `bench_gan.networks.PatchDiscriminator`."""

    discriminator_filters: int = Field(64, ge=1, description="Channels of a discriminator's first layer.")
    discriminator_layers: int = Field(
        3, ge=1, description="Strided convolutions of a discriminator: 3 score patches of 70 pixels, 2 of 34, 1 of 16."
    )
