"""Options of the segmenters, in a module that loads no heavy library."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue, PositiveInt, ValidationInfo, field_validator

from bench_engine.options import TrainingOptions
from benchmark import did_you_mean

PIXELS: dict[str, JsonValue] = {"unit": "pixels"}

LossAverage = Literal["all", "labelled"]


class SegmenterOptions(TrainingOptions):
    """Options of the training of every segmenter."""

    optimizer: Literal["sgd", "adamw"] = Field("sgd", description="Rule of the update; sgd has momentum 0.9.")
    lr: float = Field(0.01, gt=0, description="Base learning rate.")
    weight_decay: float = Field(5e-4, ge=0, description="Weight decay of all parameters.")
    schedule: Literal["poly", "cosine"] = Field("poly", description="How the rate falls to end_factor times its base.")
    power: float = Field(0.9, gt=0, description="Power of the poly schedule; 1: linear.")
    end_factor: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Rate at the end over base rate: 0.01 in mmsegmentation's schedules, which fall from 0.01 to 1e-4.",
    )
    warm_up: float = Field(0.0, ge=0, lt=1, description="Share of the training in which the rate rises from 0.")
    clip_norm: float | None = Field(None, gt=0, description="Largest norm of the gradient; none: not clipped.")
    loss: Literal["ce", "enet", "median"] = Field(
        "ce",
        description="Cross-entropy: plain, or with class weights from the training labels after ENet "
        "(1 / ln(1.02 + share)) or by median-frequency balancing.",
    )
    loss_average: LossAverage = Field(
        "all",
        description="What the cross-entropy is averaged over: all pixels, ignored ones as if their loss were 0, as "
        "mmsegmentation does by default; or labelled pixels alone.",
    )
    sampling: Literal["uniform", "class-balanced"] = Field(
        "uniform",
        description="How training images are drawn: each once in an epoch; or a class first, rare ones more often, and "
        "then an image that contains it (rare class sampling of DAFormer, arXiv:2111.14887).",
    )
    sampling_temperature: float = Field(
        0.01,
        gt=0,
        description="Temperature T of class-balanced sampling, which draws a class of share f in proportion to "
        "exp((1 - f) / T): the lower, the more often are rare classes drawn.",
    )
    flip: bool = Field(True, description="Mirror images left to right with probability 1/2.")
    crop: tuple[PositiveInt, PositiveInt] | None = Field(
        None, description="Height and width of the training window; none: the whole image.", json_schema_extra=PIXELS
    )
    scale: tuple[float, float] = Field((1.0, 1.0), description="Least and largest factor of random resizing.")
    scale_law: Literal["log-uniform", "uniform"] = Field(
        "log-uniform",
        description="Distribution of the factor: halving as likely as doubling, or all factors alike, as in "
        "mmsegmentation.",
    )
    blur: float = Field(
        0.0, ge=0, description="Largest width of a random Gaussian blur; 0: none.", json_schema_extra=PIXELS
    )
    jitter: float = Field(
        0.0, ge=0, lt=1, description="How far brightness, contrast and saturation may be from 1; 0: not changed."
    )
    amplitude: float = Field(
        0.0,
        ge=0,
        description="Strength of random factors on the amplitudes of an image's spectrum, more on high frequencies "
        "(PASTA, arXiv:2212.00979); 1: as in the paper; 0: none.",
    )
    noise: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Largest standard deviation of random Gaussian noise; 0: none.",
        json_schema_extra={"unit": "of images in [0, 1]"},
    )
    lambda_alignment: float = Field(
        0.0,
        ge=0,
        description="Weight of the adversarial loss that makes score maps of unlabelled target images look like those "
        "of training images (AdaptSegNet, arXiv:1802.10349; feature level of CyCADA, arXiv:1711.03213); 0: none.",
    )
    alignment_from: float = Field(
        0.0, ge=0, lt=1, description="Share of the training after which the alignment, if any, starts."
    )
    alignment_filters: int = Field(
        64,
        ge=1,
        description="Channels of the first layer of the alignment's discriminator.",
        json_schema_extra={"unit": "channels"},
    )
    lr_alignment_discriminator: float = Field(
        1e-4, gt=0, description="Base learning rate of the alignment's discriminator, by Adam; it falls as lr does."
    )
    average: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Decay of the average over steps of weights and normalisation statistics that predicts in the end "
        "(mean teacher, arXiv:1703.01780), at most (1 + t) / (10 + t) after t steps; 0: the last weights predict.",
    )
    validate_every: int = Field(
        500,
        ge=1,
        description="How often the validation set is evaluated, when a checkpoint is to be chosen by it.",
        json_schema_extra={"unit": "steps"},
    )

    def further_needs(self) -> tuple[str, ...]:
        """Target images for the alignment."""
        return ("target_images",) if self.lambda_alignment > 0 else ()

    @field_validator("scale")
    @classmethod
    def _ordered(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 < value[0] <= value[1]:
            raise ValueError("expected two factors above 0, the smaller one first")
        return value


class PyramidOptions(SegmenterOptions):
    """What DeepLabV3 and DeepLabV3+ share."""

    backbone: str = Field(
        "resnetv1c-50", description="resnetv1c-18, -34, -50 or -101 of mmsegmentation, or timm:NAME of timm."
    )
    width: int = Field(
        64,
        ge=8,
        multiple_of=8,
        description="Channels of the first stage of a resnetv1c; 64 is the published one.",
        json_schema_extra={"unit": "channels"},
    )
    output_stride: Literal[4, 8, 16] = Field(8, description="Image size over size of the last features.")
    pooling: bool = Field(
        True,
        description="Max-pooling after the stem of a resnetv1c; without it, for small images, all is twice as fine.",
    )
    pretrained: bool | str = Field(
        False, description="true: the publisher's ImageNet weights, from the cache or the network; or a path."
    )
    aspp_channels: int = Field(
        512, ge=8, description="Channels of the pyramid pooling.", json_schema_extra={"unit": "channels"}
    )
    dilations: tuple[PositiveInt, ...] | None = Field(
        None,
        min_length=1,
        description="Dilations of the pyramid pooling; none: 1, 6, 12, 18 times 16 / max(8, output_stride).",
    )
    dropout: float = Field(0.1, ge=0, lt=1, description="Share of channels dropped before the classifier.")
    auxiliary: float = Field(
        0.4, ge=0, description="Weight of the loss of an auxiliary head on the last stage but one; 0: no such head."
    )

    @field_validator("backbone")
    @classmethod
    def _known(cls, value: str) -> str:
        known = [f"resnetv1c-{depth}" for depth in (18, 34, 50, 101)]
        if value not in known and not value.startswith("timm:"):
            raise ValueError(f"expected one of {', '.join(known)}, or timm:NAME, not {value!r}")
        return value


class DeepLabV3Options(PyramidOptions):
    """DeepLabV3 (arXiv:1706.05587)."""


class DeepLabV3PlusOptions(PyramidOptions):
    """DeepLabV3+ (arXiv:1802.02611): DeepLabV3 whose pooled features are joined by low-level ones and refined."""

    low_level_channels: int = Field(
        48,
        ge=1,
        description="Channels to which the low-level features are brought.",
        json_schema_extra={"unit": "channels"},
    )
    separable: bool = Field(
        True, description="Depthwise separable convolutions in the head; ordinary ones are faster on a CPU."
    )


class SegFormerOptions(SegmenterOptions):
    """SegFormer (arXiv:2105.15203): a hierarchical transformer and a head of linear layers."""

    optimizer: Literal["sgd", "adamw"] = Field("adamw", description="Rule of the update; sgd has momentum 0.9.")
    lr: float = Field(6e-5, gt=0, description="Base learning rate.")
    weight_decay: float = Field(0.01, ge=0, description="Weight decay of all parameters but those of layer norm.")
    power: float = Field(1.0, gt=0, description="Power of the poly schedule; the paper's is linear.")
    warm_up: float = Field(
        1500 / 160_000, ge=0, lt=1, description="Share of the training in which the rate rises from 0."
    )
    head_lr_factor: float = Field(
        10.0, gt=0, description="Learning rate of the head over that of the encoder, as in the authors' code."
    )
    variant: Literal["b0", "b1", "b2", "b3", "b4", "b5"] = Field(
        "b0", description="Depth and width of the encoder, MiT-B0 to MiT-B5: 3.7 to 84.6 million parameters in all."
    )
    width: int | None = Field(
        None,
        ge=4,
        description="Channels of the first stage; the others have 2, 5 and 8 times as many; none: 32 for b0, else 64.",
        json_schema_extra={"unit": "channels"},
    )
    stride: Literal[2, 4] = Field(
        4, description="Image size over size of the first features: 4 as published; 2, for small images, twice as fine."
    )
    channels: int | None = Field(
        None,
        ge=1,
        description="Channels of the head; none: 256 for b0 and b1, else 768, as in the paper.",
        json_schema_extra={"unit": "channels"},
    )
    drop_path: float = Field(
        0.1, ge=0, lt=1, description="Share of residual branches dropped in the last layer; less in those before."
    )
    dropout: float = Field(0.1, ge=0, lt=1, description="Share of channels dropped before the classifier.")
    pretrained: bool | str = Field(
        False, description="true: OpenMMLab's ImageNet weights of the encoder, cached or downloaded; or a path."
    )


class UNetOptions(SegmenterOptions):
    """U-Net (arXiv:1505.04597) in mmsegmentation's form: padded convolutions with batch norm, bilinear enlarging."""

    width: int = Field(
        64,
        ge=2,
        description="Channels of the first level, doubled at each further one; 64 is the published one.",
        json_schema_extra={"unit": "channels"},
    )
    levels: int = Field(5, ge=2, le=7, description="Resolutions, each half of the one before; 5 are published.")
    dropout: float = Field(0.1, ge=0, lt=1, description="Share of channels dropped before the classifier.")
    auxiliary: float = Field(
        0.4, ge=0, description="Weight of the loss of an auxiliary head on the last level but one; 0: no such head."
    )
    pretrained: Literal[False] | str = Field(False, description="Path of weights of the backbone; false: none.")


class MMSegOptions(SegmenterOptions):
    """Any model of an mmsegmentation configuration file, under this package's training."""

    config: str = Field(
        description="A configuration file of mmsegmentation 1.x: a path, or the name of one that mmsegmentation ships. "
        "It is Python code, which is run when the model is built: use only files that you trust."
    )
    config_digest: str = Field("", description="Hash of the file and its bases; filled in when it is left out.")
    optimizer: Literal["sgd", "adamw", "config"] = Field(  # type: ignore[assignment]  # one choice more than the base
        "config", description="Rule of the update; config: what the file says, with its own rates and decay."
    )
    pretrained: bool | str = Field(
        False,
        description="true: what the file names, from the cache or the network; or the path of the backbone's weights.",
    )

    @field_validator("config")
    @classmethod
    def _readable(cls, value: str) -> str:
        config_digest(config_path(value))
        return value

    @field_validator("config_digest")
    @classmethod
    def _digested(cls, value: str, info: ValidationInfo) -> str:
        if "config" not in info.data:  # refused already
            return value
        digest = config_digest(config_path(info.data["config"]))
        if value not in ("", digest):
            raise ValueError(f"{info.data['config']} has changed since this configuration was resolved")
        return digest


def shipped_configs() -> Path:
    """Where mmsegmentation keeps its configuration files."""
    spec = importlib.util.find_spec("mmseg")
    if spec is None or not spec.submodule_search_locations:
        raise ValueError("mmsegmentation is not installed")
    return Path(spec.submodule_search_locations[0]) / ".mim" / "configs"


def config_path(config: str) -> Path:
    """The file that a path or a name stands for; `ValueError` when there is none."""
    path = Path(config).expanduser()
    if path.is_file():
        return path
    name = path.name.removesuffix(".py")
    shipped = {file.stem: file for file in shipped_configs().rglob("*.py") if "_base_" not in file.parts}
    if config in (name, f"{name}.py") and name in shipped:
        return shipped[name]
    raise ValueError(
        f"{config}: neither a file nor the name of a configuration of mmsegmentation.{did_you_mean(name, shipped)}"
    )


def config_digest(path: Path) -> str:
    """A hash over a configuration file and all files it is based on; `ValueError` when one of them cannot be read."""
    digest = hashlib.sha256()
    for file in _with_bases(path):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _with_bases(path: Path) -> list[Path]:
    files = [path]
    for statement in _parsed(path).body:
        if isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", "") == "_base_":
            bases = ast.literal_eval(statement.value)
            for base in [bases] if isinstance(bases, str) else bases:
                files += _with_bases((path.parent / base).resolve())
    return files


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"), path.name)
    except OSError as error:
        raise ValueError(f"configuration file {path} cannot be read ({error.strerror})") from error
    except (SyntaxError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no configuration file of mmsegmentation, which are Python: {error}") from error
