"""Label colours: how well a translator paints the label map of an image, read by the nearest colour of the palette."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench_metrics.segmentation import confusion_matrix, mean_iou, mean_pixel_accuracy, pixel_accuracy
from benchmark import ClassSet, StageContext, TranslationMetric, Unavailable, Value

NEAR = 16
"""Distance in RGB, in 8-bit steps, up to which a pixel counts as painted in a colour of the palette."""

SCORES = {
    "label_pixel_accuracy": pixel_accuracy,
    "label_class_accuracy": mean_pixel_accuracy,
    "label_iou": mean_iou,
}


def nearest_colour(images: Tensor, palette: Tensor) -> tuple[Tensor, Tensor]:
    """The colour of a palette that is nearest to each pixel, by Euclidean distance in RGB.

    All is counted in whole 8-bit steps, which float32 holds exactly (sums stay below 2^24, and factors below 2^10, so
    that TF32 does no harm either): no rounding decides. Of colours at equal distance the first is taken.

    Args:
        images: float32 in [0, 1], shape (N, 3, H, W).
        palette: 8-bit RGB as float32, shape (K, 3), K at most 255.

    Returns:
        Index of the colour, uint8, and the squared distance to it in 8-bit steps, float32, both (N, H, W).
    """
    steps = images.float().mul(255).round()
    pixels = steps.flatten(2)
    offsets = palette.square().sum(dim=1)[:, None] - torch.matmul(2 * palette, pixels)
    smallest, index = offsets.min(dim=1)
    squares = smallest + pixels.square().sum(dim=1)
    shape = (len(images), *images.shape[2:])
    return index.byte().view(shape), squares.view(shape)


def palette_share(images: Tensor, palette: Tensor) -> Tensor:
    """Share of the pixels that have, but for `NEAR` steps, a colour of the palette; arguments as above."""
    _, squares = nearest_colour(images, palette)
    return (squares <= NEAR**2).double().mean()


class LabelColours(TranslationMetric):
    """Pixel accuracy, class accuracy and class IoU of painted label maps.

    Source: Zhu et al. 2017, arXiv:1703.10593, table 3 (photo to labels); its code was not released, and the nearest
    colour is what those who repeat the table use.
    """

    values: ClassVar[Mapping[str, Value]] = {
        "label_pixel_accuracy": Value(
            "Share of pixels painted in the colour of their class.",
            higher_is_better=True,
            heading="label pixel acc",
            unit="%",
        ),
        "label_class_accuracy": Value(
            "The same share, averaged over classes.", higher_is_better=True, heading="label mean acc", unit="%"
        ),
        "label_iou": Value(
            "IoU of the painted classes, averaged over classes.",
            higher_is_better=True,
            heading="label mIoU",
            unit="%",
        ),
    }

    def start(self, classes: ClassSet, context: StageContext) -> None:
        """Set the counts to zero; `Unavailable` when two classes have one colour."""
        for colour in classes.palette:
            shared = [name for name, own in zip(classes.names, classes.palette, strict=True) if own == colour]
            if len(shared) > 1:
                raise Unavailable(f"classes {' and '.join(shared)} have one colour, so none can be told from it")
        self._palette = torch.tensor(classes.palette, dtype=torch.float32, device=context.device)
        self._confusion = torch.zeros(len(classes), len(classes), dtype=torch.int64)
        self._painted, self._references = 0.0, 0

    def reference(self, images: Tensor) -> None:
        """Look whether the target images are label maps at all."""
        self._painted += palette_share(images, self._palette).item() * len(images)
        self._references += len(images)

    def update(self, source: Tensor, translated: Tensor, labels: Tensor | None) -> None:
        """Count a batch; `Unavailable` without source labels, or when the target images are not label maps."""
        if labels is None:
            raise Unavailable("label colours need labels of the source images, but they have none")
        if self._painted < self._references / 2:
            raise Unavailable(
                "the target images are not label maps: "
                f"only {100 * self._painted / self._references:.1f} % of their pixels have a colour of the classes"
            )
        painted, _ = nearest_colour(translated, self._palette)
        self._confusion += confusion_matrix(painted, labels, len(self._palette))

    def compute(self) -> dict[str, float]:
        """The three scores; `Unavailable` when no pixel counted."""
        if not self._confusion.any():
            raise Unavailable("label colours need labelled pixels, but every label is 'ignore' or there is no image")
        return {name: score(self._confusion).item() for name, score in SCORES.items()}

    def details(self) -> dict[str, Any]:
        """The confusion matrix (rows labels, columns painted classes)."""
        return {"confusion": self._confusion.tolist()}
