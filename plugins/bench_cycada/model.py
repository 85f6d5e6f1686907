"""CycleGAN's losses and semantic consistency: translation must not change what a frozen segmenter sees."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench_cycada.options import CyCADAOptions
from bench_cyclegan.model import CycleGANModel
from bench_gan.model import OTHER, SIDES, Batch, WeightedLoss
from benchmark import IGNORE, HasLogits, StageContext


class CyCADAModel(CycleGANModel):
    """Beside CycleGAN's losses, a translation is to be read like its original.

    Args:
        generators, discriminators, options, run: As of `CycleGANModel`.
        segmenter: The paper's f_S, trained on source images with labels, and frozen.

    Source: Hoffman et al. 2018, arXiv:1711.03213, equation 4 (semantic consistency) and equation 5 (all losses).
    """

    options: CyCADAOptions

    def __init__(
        self,
        generators: nn.ModuleDict,
        discriminators: nn.ModuleDict,
        options: CyCADAOptions,
        context: StageContext,
        segmenter: HasLogits,
    ) -> None:
        super().__init__(generators, discriminators, options, context)
        self._segmenter = segmenter

    def generator_losses(self, data: Batch, generated: Batch) -> dict[str, WeightedLoss]:
        """CycleGAN's, and semantic consistency in both directions."""
        terms = super().generator_losses(data, generated)
        if self.options.lambda_semantic:
            for side in SIDES:
                classes = self.classes_of(OTHER[side], data)
                loss = semantic_loss(self._read(generated[f"fake_{side}"]), classes)
                terms[f"semantic_{side}"] = WeightedLoss(self.options.lambda_semantic, loss)
        return terms

    @torch.no_grad()
    def classes_of(self, side: str, data: Batch) -> Tensor:
        """What the images of a domain show, train ids of shape (N, H, W), `IGNORE` where that is not sure."""
        if side == "source" and self.options.source_classes == "label":
            return data["labels"].long()
        return confident_classes(self._read(data[side]), self.options.confidence)

    def _read(self, images: Tensor) -> Tensor:
        return self._segmenter.logits((images.float() + 1) / 2)


def confident_classes(logits: Tensor, confidence: float) -> Tensor:
    """The most probable class of each pixel, `IGNORE` where it is less probable than `confidence`.

    Args:
        logits: Shape (N, K, H, W).
        confidence: In [0, 1).

    Returns:
        int64, shape (N, H, W).
    """
    probability, classes = logits.float().softmax(1).max(1)
    return torch.where(probability >= confidence, classes, IGNORE)


def semantic_loss(logits: Tensor, classes: Tensor) -> Tensor:
    """Cross-entropy, a mean over the pixels that have a class; 0 where none has.

    Args:
        logits: Shape (N, K, H, W).
        classes: Train ids or `IGNORE`, shape (N, H, W).
    """
    total = F.cross_entropy(logits.float(), classes, ignore_index=IGNORE, reduction="sum")
    return total / (classes != IGNORE).sum().clamp_min(1)
