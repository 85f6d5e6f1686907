"""U-Net from mmsegmentation's parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

from bench_mmseg.compat import build_network
from bench_mmseg.model import CrossEntropyModel
from bench_mmseg.options import UNetOptions
from bench_mmseg.pretrained import load_backbone
from bench_mmseg.trainer import NetworkSegmenter

NORM = {"type": "BN"}


class UNet(NetworkSegmenter):
    """An encoder, and a decoder that joins the features of each of its levels."""

    Options: ClassVar[type[UNetOptions]] = UNetOptions
    options: UNetOptions

    @property
    def coarsest(self) -> int:
        """Image size over size of the coarsest features; images are padded to multiples of it."""
        return 1 << (self.options.levels - 1)

    def build(self, classes: int, class_weights: Tensor | None, *, pretrained: bool) -> CrossEntropyModel:
        """The network for a number of classes."""
        options = self.options
        network = build_network(network_config(options, classes))
        if pretrained and options.pretrained:
            load_backbone(network.backbone, Path(options.pretrained).expanduser())
        return CrossEntropyModel(
            network, class_weights, options.auxiliary, divisor=self.coarsest, average=options.loss_average
        )


def network_config(options: UNetOptions, classes: int) -> dict[str, Any]:
    """The network in mmsegmentation's dict form."""
    levels = options.levels
    backbone = {
        "type": "UNet",
        "base_channels": options.width,
        "num_stages": levels,
        "strides": (1,) * levels,
        "enc_num_convs": (2,) * levels,
        "dec_num_convs": (2,) * (levels - 1),
        "downsamples": (True,) * (levels - 1),
        "enc_dilations": (1,) * levels,
        "dec_dilations": (1,) * (levels - 1),
        "norm_cfg": NORM,
        "upsample_cfg": {"type": "InterpConv"},
    }
    config = {"type": "EncoderDecoder", "backbone": backbone, "decode_head": _head(options, classes, 0)}
    if options.auxiliary > 0:
        config["auxiliary_head"] = _head(options, classes, 1)
    return config


def _head(options: UNetOptions, classes: int, level: int) -> dict[str, Any]:
    """A convolution and a classifier on the features of a level of the decoder, the finest one being 0."""
    return {
        "type": "FCNHead",
        "in_channels": options.width * 2**level,
        "in_index": options.levels - 1 - level,
        "channels": options.width,
        "num_convs": 1,
        "concat_input": False,
        "dropout_ratio": options.dropout,
        "num_classes": classes,
        "norm_cfg": NORM,
        "align_corners": False,
    }
