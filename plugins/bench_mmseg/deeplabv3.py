"""DeepLabV3 and DeepLabV3+ from mmsegmentation's parts, on a backbone of mmsegmentation or timm."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, cast

import torch
from torch import Tensor, nn

from bench_mmseg.compat import build_network
from bench_mmseg.model import CrossEntropyModel
from bench_mmseg.options import DeepLabV3Options, DeepLabV3PlusOptions, PyramidOptions
from bench_mmseg.pretrained import cached_file, load_backbone, openmmlab_url, timm_weights
from bench_mmseg.trainer import NetworkSegmenter
from benchmark import UsageError

NORM = {"type": "BN"}
STAGES = {32: (1, 2, 2, 2), 16: (1, 2, 2, 1), 8: (1, 2, 1, 1), 4: (1, 1, 1, 1)}
"""Strides of the four stages of a ResNet, by output stride; where one is left out, the stages dilate instead."""


class Backbone(NamedTuple):
    """Configuration of a backbone, and the channels of its four stages."""

    config: dict[str, Any]
    channels: tuple[int, ...]


class DeepLabV3(NetworkSegmenter):
    """Atrous spatial pyramid pooling on a dilated backbone."""

    Options: ClassVar[type[PyramidOptions]] = DeepLabV3Options
    options: PyramidOptions

    def build(self, classes: int, class_weights: Tensor | None, *, pretrained: bool) -> CrossEntropyModel:
        """The network for a number of classes; `UsageError` for a training by steps of a single image."""
        options = self.options
        if pretrained and options.batch_size < 2:  # the image pooling leaves one value per image and channel
            raise UsageError(
                "batch_size: expected at least 2, since the image pooling of DeepLabV3 is normalised over the batch, "
                f"but it is {options.batch_size}"
            )
        network = build_network(network_config(options, classes))
        if not options.pooling and hasattr(network.backbone, "maxpool"):
            network.backbone.maxpool = nn.Identity()
        if pretrained and options.pretrained:
            load_pretrained(network.backbone, options)
        return CrossEntropyModel(
            network, class_weights, options.auxiliary, divisor=options.output_stride, average=options.loss_average
        )


class DeepLabV3Plus(DeepLabV3):
    """The same with a head that joins low-level features."""

    Options: ClassVar[type[PyramidOptions]] = DeepLabV3PlusOptions


def network_config(options: PyramidOptions, classes: int) -> dict[str, Any]:
    """The network in mmsegmentation's dict form."""
    backbone = timm_backbone(options) if options.backbone.startswith("timm:") else resnet_backbone(options)
    head = {
        "num_classes": classes,
        "norm_cfg": NORM,
        "dropout_ratio": options.dropout,
        "align_corners": False,
    }
    decoder = {
        **head,
        "type": "PyramidHead",
        "in_channels": backbone.channels[-1],
        "in_index": 3,
        "channels": options.aspp_channels,
        "dilations": pyramid_dilations(options),
    }
    if isinstance(options, DeepLabV3PlusOptions):
        decoder["type"] = "DepthwiseSeparableASPPHead" if options.separable else "LowLevelHead"
        decoder.update(c1_in_channels=backbone.channels[0], c1_channels=options.low_level_channels)
    config: dict[str, Any] = {"type": "EncoderDecoder", "backbone": backbone.config, "decode_head": decoder}
    if options.auxiliary > 0:
        channels = max(backbone.channels[2] // 4, 16)
        convs = {"channels": channels, "num_convs": 1, "concat_input": False}
        config["auxiliary_head"] = {
            **head,
            "type": "FCNHead",
            "in_channels": backbone.channels[2],
            "in_index": 2,
            **convs,
        }
    return config


def pyramid_dilations(options: PyramidOptions) -> tuple[int, ...]:
    """Given ones, or those of the paper, which are for output stride 16 and double at 8."""
    if options.dilations is not None:
        return options.dilations
    factor = 16 // max(8, options.output_stride)
    return (1, 6 * factor, 12 * factor, 18 * factor)


def resnet_backbone(options: PyramidOptions) -> Backbone:
    """mmsegmentation's ResNet with a stem of three 3x3 convolutions."""
    depth = int(options.backbone.removeprefix("resnetv1c-"))
    expansion = 1 if depth < 50 else 4
    strides = STAGES[options.output_stride * (1 if options.pooling else 2)]
    dilations = tuple(2**stage // prod(strides[: stage + 1]) for stage in range(4))
    config = {
        "type": "ResNetV1c",
        "depth": depth,
        "stem_channels": options.width,
        "base_channels": options.width,
        "strides": strides,
        "dilations": dilations,
        "contract_dilation": True,
        "norm_cfg": NORM,
    }
    return Backbone(config, tuple(options.width * expansion * 2**stage for stage in range(4)))


def timm_backbone(options: PyramidOptions) -> Backbone:
    """The last four feature levels of a timm model.

    Raises:
        UsageError: timm has no such model, or not with this output stride.
    """
    import timm

    name = options.backbone.removeprefix("timm:")
    wanted: dict[str, Any] = {"features_only": True, "pretrained": False, "output_stride": options.output_stride}
    try:
        with torch.device("meta"):
            levels = len(timm.create_model(name, features_only=True, pretrained=False).feature_info)
            wanted["out_indices"] = tuple(range(levels - 4, levels))
            channels = timm.create_model(name, **wanted).feature_info.channels()
    except (RuntimeError, NotImplementedError, TypeError, ValueError, AssertionError) as error:
        raise UsageError(
            f"backbone {options.backbone!r} with output_stride {options.output_stride}: {error or 'not supported'}; "
            "expected a timm model with at least four feature levels, and 8, 16 or what it supports"
        ) from error
    return Backbone({"type": "TIMMBackbone", "model_name": name, **wanted}, tuple(channels))


def load_pretrained(backbone: nn.Module, options: PyramidOptions) -> None:
    """Give a backbone the weights that the options name.

    Raises:
        UsageError: There are none, or they cannot be had.
    """
    if isinstance(options.pretrained, str):
        load_backbone(backbone, Path(options.pretrained).expanduser())
    elif options.backbone.startswith("timm:"):
        weights = timm_weights(options.backbone.removeprefix("timm:"))
        timm_model = cast(nn.Module, backbone.timm_model)
        own = timm_model.state_dict()
        timm_model.load_state_dict({name: weights[name] for name in own})
    else:
        if options.width != 64 or options.backbone == "resnetv1c-34":
            raise UsageError(
                f"pretrained = true: there are no published weights of {options.backbone} with width {options.width}; "
                "use resnetv1c-18, -50 or -101 with width 64, a timm backbone, or the path of a file"
            )
        name = options.backbone.replace("resnetv1c-", "resnet") + "_v1c"
        load_backbone(backbone, cached_file(openmmlab_url(name)))
