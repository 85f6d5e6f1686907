"""The DeepLabV3+ head with ordinary convolutions; import it after `compat.load_mmseg`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmseg.models.decode_heads import ASPPHead
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module(force=True)
class LowLevelASPPHead(ASPPHead):
    """Pyramid pooling, joined by low-level features and refined by two 3x3 convolutions.

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
        pyramid = self._transform_inputs(inputs)
        # The pooled image is one value for all places: to expand it is what bilinear resizing of 1x1 would do, slower.
        pooled = self.image_pool(pyramid).expand(-1, -1, *pyramid.shape[2:])
        coarse = self.bottleneck(torch.cat([pooled, *self.aspp_modules(pyramid)], dim=1))
        fine = self.c1_bottleneck(inputs[0])
        coarse = F.interpolate(coarse, size=fine.shape[2:], mode="bilinear", align_corners=self.align_corners)
        return self.cls_seg(self.refinement(torch.cat([coarse, fine], dim=1)))
