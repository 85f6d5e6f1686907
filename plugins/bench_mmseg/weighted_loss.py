"""mmsegmentation's cross-entropy with class weights where pixels are ignored; import it after `compat.load_mmseg`."""

from __future__ import annotations

from typing import Any

import torch
from mmseg.models.losses import CrossEntropyLoss
from mmseg.registry import MODELS
from torch import Tensor

from bench_mmseg.losses import loss_divisor


@MODELS.register_module(force=True)
class WeightedCrossEntropy(CrossEntropyLoss):  # type: ignore[misc]  # mmsegmentation has no annotations
    """`CrossEntropyLoss` that takes its divisor from `losses.loss_divisor`.

    mmsegmentation 1.2.2 looks up a class weight for each label, 255 included, and fails with an IndexError.
    """

    def forward(
        self,
        cls_score: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | Tensor | None = None,
        reduction_override: str | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """The loss of logits (N, classes, H, W) and train ids or 255 (N, H, W); arguments as of the parent class."""
        averaged = (reduction_override or self.reduction) == "mean"
        over_classes = not (self.use_sigmoid or self.use_mask)
        if avg_factor is None and averaged and over_classes:
            class_weights = torch.as_tensor(self.class_weight, dtype=torch.float32, device=label.device)
            avg_factor = loss_divisor(label, class_weights, "labelled" if self.avg_non_ignore else "all")
        loss: Tensor = super().forward(cls_score, label, weight, avg_factor, reduction_override, **kwargs)
        return loss
