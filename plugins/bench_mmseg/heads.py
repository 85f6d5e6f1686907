"""Heads of DeepLabV3, DeepLabV3+ and SegFormer that are quick on a CPU; import it after `compat.load_mmseg`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmcv.cnn import ConvModule
from mmseg.models.decode_heads import ASPPHead, SegformerHead
from mmseg.registry import MODELS
from torch import Tensor, nn

from bench_mmseg.resize import bilinear


@MODELS.register_module(force=True)
class PyramidHead(ASPPHead):  # type: ignore[misc]  # mmsegmentation has no annotations
    """mmsegmentation's DeepLabV3 head, but for the pooled image, which is expanded instead of resized.

    It is one value for all places, so that both give the same; backwards, resizing took as long as two convolutions.
    """

    def _forward_feature(self, inputs: Sequence[Tensor]) -> Tensor:
        features = self._transform_inputs(inputs)
        pooled = self.image_pool(features).expand(-1, -1, *features.shape[2:])
        merged: Tensor = self.bottleneck(torch.cat([pooled, *self.aspp_modules(features)], dim=1))
        return merged


@MODELS.register_module(force=True)
class LowLevelHead(PyramidHead):
    """Pyramid pooling, joined by low-level features and refined by two 3x3 convolutions: DeepLabV3+.

    mmsegmentation has this head with depthwise separable convolutions alone, the form that arXiv:1802.02611 gives its
    Xception backbone. They have a tenth of the multiplications, but take longer on a CPU, where depthwise convolutions
    are bound by memory.

    Args:
        c1_in_channels: Channels of the first features of the backbone.
        c1_channels: Channels to which a 1x1 convolution brings them.
        kwargs: As of `ASPPHead`.
    """

    def __init__(self, c1_in_channels: int, c1_channels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        shared = {"conv_cfg": self.conv_cfg, "norm_cfg": self.norm_cfg, "act_cfg": self.act_cfg}
        self.c1_bottleneck = ConvModule(c1_in_channels, c1_channels, 1, **shared)
        self.refinement = nn.Sequential(
            ConvModule(self.channels + c1_channels, self.channels, 3, padding=1, **shared),
            ConvModule(self.channels, self.channels, 3, padding=1, **shared),
        )

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Logits at the size of the first features."""
        fine = self.c1_bottleneck(inputs[0])
        coarse = bilinear(self._forward_feature(inputs), fine.shape[2:])
        logits: Tensor = self.cls_seg(self.refinement(torch.cat([coarse, fine], dim=1)))
        return logits


@MODELS.register_module(force=True)
class LinearHead(SegformerHead):  # type: ignore[misc]  # mmsegmentation has no annotations
    """mmsegmentation's SegFormer head, but for how features are resized: channels last, and only where they must be."""

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Logits at the size of the first features."""
        features = self._transform_inputs(inputs)
        size = features[0].shape[2:]
        levels = [conv(level) for conv, level in zip(self.convs, features, strict=True)]
        resized = [level if level.shape[2:] == size else bilinear(level, size) for level in levels]
        logits: Tensor = self.cls_seg(self.fusion_conv(torch.cat(resized, dim=1)))
        return logits
