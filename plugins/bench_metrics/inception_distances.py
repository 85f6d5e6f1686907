"""FID and KID: how far translated images are, as a set, from the target images; one pass of the network for both."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from bench_metrics.fid import frechet_distance
from bench_metrics.inception import FEATURES, find_weights, shared_extractor
from bench_metrics.kid import polynomial_mmd
from bench_metrics.options import InceptionOptions
from benchmark import ClassSet, StageContext, TranslationMetric, Unavailable, Value

FEATURES_FILE = "features.npy"


class InceptionDistances(TranslationMetric):
    """KID and FID between translated source images and target images; features of the latter are extracted once."""

    Options: ClassVar = InceptionOptions
    options: InceptionOptions
    values: ClassVar = {
        "kid": Value(
            "Kernel Inception Distance of translated to target images.",
            higher_is_better=False,
            low=None,
            high=None,
            heading="KID",
            decimals=4,
        ),
        "fid": Value(
            "Fréchet Inception Distance of translated to target images.",
            higher_is_better=False,
            high=None,
            heading="FID",
            decimals=1,
        ),
    }

    def start(self, classes: ClassSet, context: StageContext) -> None:
        """Load the network; `Unavailable` when its weights are not to be had."""
        self._extract = shared_extractor(find_weights(self.options), context.device)
        self._reference: list[Tensor] = []
        self._translated: list[Tensor] = []
        self._size: list[int] = []

    def reference(self, images: Tensor) -> None:
        """Take in a batch of target images."""
        self._collect(self._reference, images)

    def save_reference(self, folder: Path) -> None:
        """Store the features of the target images, float32, shape (N, 2048)."""
        features = torch.cat(self._reference) if self._reference else torch.empty(0, FEATURES)
        np.save(folder / FEATURES_FILE, features.numpy())

    def load_reference(self, folder: Path) -> None:
        """Take in the features that another metric of the same options stored."""
        self._reference = [torch.from_numpy(np.load(folder / FEATURES_FILE))]

    def update(self, source: Tensor, translated: Tensor, labels: Tensor | None) -> None:
        """Take in a batch of translated images."""
        self._collect(self._translated, translated)

    def compute(self) -> dict[str, float]:
        """Both distances; `Unavailable` with fewer than two images on either side."""
        reference, translated = self._features()
        return {"kid": polynomial_mmd(reference, translated), "fid": frechet_distance(reference, translated)}

    def details(self) -> dict[str, Any]:
        """What the values depend on, and what they are for images of the target domain itself.

        `conditions`: values are comparable only where all of these agree. `target_halves`: the distances of one half of
        the target images, drawn at random, to the other, which is what is left of them where there is no difference;
        FID is biased upwards for few images, so its yardstick is well above 0.
        """
        reference, translated = sum(map(len, self._reference)), sum(map(len, self._translated))
        details: dict[str, Any] = {
            "conditions": {
                "reference_images": reference,
                "translated_images": translated,
                "extractor": "pytorch-fid InceptionV3, final pool, 2048 features, input resized to 299x299",
                "weights_sha256": self._extract.digest,
                "image_size": self._size,
                "precision": "fp32",
            }
        }
        notes = []
        if reference >= 4:
            one, other = _random_halves(torch.cat(self._reference))
            halves = {"kid": polynomial_mmd(one, other), "fid": frechet_distance(one, other)}
            details["target_halves"] = halves
            notes.append(
                f"half of the target images against the other: KID {halves['kid']:.4f}, FID {halves['fid']:.1f}"
            )
        if min(reference, translated) < FEATURES:
            notes.append(
                f"FID is biased upwards: {min(reference, translated)} images for {FEATURES} features; prefer KID"
            )
        if notes:
            details["note"] = "; ".join(notes)
        return details

    def _collect(self, features: list[Tensor], images: Tensor) -> None:
        self._size = list(images.shape[-2:])
        room = self.options.max_images - sum(map(len, features))
        if room > 0:
            features.append(self._extract(images)[:room])

    def _features(self) -> tuple[Tensor, Tensor]:
        """Features of the target and of the translated images."""
        reference, translated = sum(map(len, self._reference)), sum(map(len, self._translated))
        if min(reference, translated) < 2:
            raise Unavailable(
                f"{' and '.join(self.values)}: at least 2 target and 2 translated images are needed, "
                f"got {reference} and {translated}"
            )
        return torch.cat(self._reference), torch.cat(self._translated)


def _random_halves(features: Tensor) -> tuple[Tensor, Tensor]:
    """Two halves of the images: at random, as data sets have orders (video frames, looks that take turns)."""
    order = torch.randperm(len(features), generator=torch.Generator().manual_seed(0))
    middle = (len(features) + 1) // 2
    return features[order[:middle]], features[order[middle:]]
