"""mmsegmentation networks as models of the training engine: normalise, pad, predict logits, compute losses."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench_engine.model import TrainableModel
from bench_engine.optimizers import GuardedOptimizer
from bench_mmseg.losses import cross_entropy
from bench_mmseg.options import LossAverage
from bench_mmseg.resize import bilinear
from benchmark import IGNORE

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class SegmentationModel(TrainableModel):
    """A network of mmsegmentation on float32 RGB images in [0, 1].

    Args:
        network: An mmsegmentation `EncoderDecoder` or the like.
        mean, std: Normalisation of the images, RGB in [0, 1].
        divisor: Images are padded to a multiple of this, so that features and pixels stay aligned.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        network: nn.Module,
        mean: tuple[float, ...] = IMAGENET_MEAN,
        std: tuple[float, ...] = IMAGENET_STD,
        divisor: int = 1,
    ) -> None:
        super().__init__()
        self.network: Any = network  # its class is one of mmsegmentation's, which have no annotations
        self._divisor = divisor
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def train_step(self, data: dict[str, Tensor], optimizers: Mapping[str, GuardedOptimizer]) -> dict[str, Tensor]:
        """One update of the weights by the optimizer `segmenter`; returns the losses, and their sum as `loss`."""
        optimizer = optimizers["segmenter"]
        with optimizer.autocast():
            losses = self.losses(self._input(data["images"]), self._padded_labels(data["labels"]))
        loss = torch.stack(list(losses.values())).sum()
        optimizer.update(loss)
        return {"loss": loss, **losses}

    def forward(self, images: Tensor) -> Tensor:
        """Logits of shape (N, classes, H, W) for images of shape (N, 3, H, W)."""
        height, width = images.shape[2:]
        return self.logits(self._input(images))[..., :height, :width]

    def losses_and_logits(self, images: Tensor, labels: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Losses as in training, and logits of the same images without gradient.

        Args:
            images: Shape (N, 3, H, W), in [0, 1].
            labels: uint8, shape (N, H, W).

        Returns:
            Weighted losses by name, and logits of shape (N, classes, H, W).
        """
        height, width = images.shape[2:]
        losses, logits = self._learned(self._input(images), self._padded_labels(labels))
        return losses, logits[..., :height, :width]

    @abstractmethod
    def losses(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Weighted losses by name, for normalised images and uint8 labels of the same size."""

    @abstractmethod
    def logits(self, images: Tensor) -> Tensor:
        """Logits of normalised images, at their size."""

    def _learned(self, images: Tensor, labels: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """`losses`, and the logits without gradient; a model that has them at hand spares the second pass."""
        losses = self.losses(images, labels)
        with torch.no_grad():
            return losses, self.logits(images)

    def _padded_labels(self, labels: Tensor) -> Tensor:
        return padded(labels.unsqueeze(1), self._divisor, IGNORE).squeeze(1)

    def _input(self, images: Tensor) -> Tensor:
        normalised = ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        return padded(normalised, self._divisor)


class CrossEntropyModel(SegmentationModel):
    """An `EncoderDecoder` trained by cross-entropy on its head and its auxiliary head.

    With `average` "all" the losses are those of mmsegmentation's heads by default, without their pixel accuracy, which
    costs more than the loss.

    Args:
        network: The network.
        class_weights: Weights of the classes in the cross-entropy, or None.
        auxiliary: Weight of the auxiliary head's loss, where there is such a head.
        divisor: As in `SegmentationModel`.
        average: What both losses are averaged over; see `losses.loss_divisor`.
    """

    class_weights: Tensor | None

    def __init__(
        self,
        network: nn.Module,
        class_weights: Tensor | None,
        auxiliary: float,
        divisor: int,
        average: LossAverage = "all",
    ) -> None:
        super().__init__(network, divisor=divisor)
        self._auxiliary = auxiliary
        self._average: LossAverage = average
        self.register_buffer("class_weights", class_weights, persistent=False)

    def losses(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Cross-entropy of the upsampled logits of both heads."""
        return self._learned(images, labels)[0]

    def logits(self, images: Tensor) -> Tensor:
        """Upsampled logits of the decoding head."""
        return bilinear(self.network.decode_head(self.network.extract_feat(images)).float(), images.shape[2:])

    def _learned(self, images: Tensor, labels: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        features = self.network.extract_feat(images)
        targets = labels.long()
        logits = bilinear(self.network.decode_head(features).float(), images.shape[2:])
        losses = {"loss_ce": self._cross_entropy(logits, targets)}
        if self.network.with_auxiliary_head:
            auxiliary = bilinear(self.network.auxiliary_head(features).float(), images.shape[2:])
            losses["loss_aux"] = self._auxiliary * self._cross_entropy(auxiliary, targets)
        return losses, logits.detach()

    def _cross_entropy(self, logits: Tensor, targets: Tensor) -> Tensor:
        return cross_entropy(logits, targets, self.class_weights, self._average)


class ConfiguredModel(SegmentationModel):
    """Any network of mmsegmentation, trained by the losses that its configuration names."""

    def losses(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """The losses of mmsegmentation; its accuracies are left out."""
        losses = self.network.loss(images, _samples(labels))
        return {name: _total(value) for name, value in losses.items() if "loss" in name}

    def logits(self, images: Tensor) -> Tensor:
        """Logits as the configuration's `test_cfg` says: of the whole image or of sliding windows."""
        size = tuple(images.shape[2:])
        meta = {"ori_shape": size, "img_shape": size, "pad_shape": size, "padding_size": [0, 0, 0, 0]}
        logits: Tensor = self.network.inference(images, [dict(meta) for _ in images])
        return logits


def padded(images: Tensor, divisor: int, value: int | None = None) -> Tensor:
    """Images padded at the right and the bottom to multiples of `divisor`.

    Args:
        images: Shape (N, C, H, W).
        divisor: What height and width are to be multiples of.
        value: What to pad with; None: the pixels of the border.
    """
    height, width = images.shape[2:]
    right, bottom = -width % divisor, -height % divisor
    if not (right or bottom):
        return images
    if value is None:
        return F.pad(images, (0, right, 0, bottom), mode="replicate")
    return F.pad(images, (0, right, 0, bottom), value=value)


def _samples(labels: Tensor) -> list[Any]:
    """Labels in the form that mmsegmentation's heads take."""
    from mmengine.structures import PixelData
    from mmseg.structures import SegDataSample

    size = tuple(labels.shape[1:])
    meta = {"img_shape": size, "ori_shape": size, "pad_shape": size}
    return [
        SegDataSample(gt_sem_seg=PixelData(data=label.unsqueeze(0)), metainfo=dict(meta)) for label in labels.long()
    ]


def _total(value: Tensor | list[Tensor]) -> Tensor:
    return value.mean() if isinstance(value, Tensor) else torch.stack([one.mean() for one in value]).sum()
