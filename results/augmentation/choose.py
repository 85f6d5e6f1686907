"""Which augmentation keeps a segmenter of the source reading source images that were changed in ways it never saw.

Usage: python results/augmentation/choose.py RESULTS
RESULTS holds source-only rows of `streets` with augmentations of several strengths (`bench matrix augmentation`). Each
trained segmenter predicts the source's test images as they are and under six changes that are no part of any of the
augmentations: hue, gamma, posterised levels, JPEG, swapped channels, and uneven light. No target image is looked at.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from bench_metrics.segmentation import confusion_matrix, mean_iou
from benchmark.api.imageset import ImageSet
from benchmark.api.stage_context import StageContext
from benchmark.plan.stage_kinds import FIT_SEGMENTER, PREDICT_SOURCE
from benchmark.registry.registry import load_registry
from benchmark.results.records import read_records
from benchmark.stages.plugins import load_fitted
from benchmark.store.store import Store

Pixels = NDArray[np.uint8]
BATCH = 20
AUGMENTATIONS = ("jitter", "blur", "scale", "noise", "amplitude")


def hue(image: Pixels) -> Pixels:
    """Hues turned by a sixth of the circle."""
    channels = np.asarray(Image.fromarray(image).convert("HSV")).copy()
    channels[..., 0] += 43  # uint8 wraps around, as hues do
    return np.asarray(Image.fromarray(channels, "HSV").convert("RGB"))


def gamma(image: Pixels) -> Pixels:
    """Middle tones darker: exponent 2."""
    return (255 * (image / 255) ** 2).astype(np.uint8)


def posterised(image: Pixels) -> Pixels:
    """Eight levels a channel."""
    return image & 0xE0


def jpeg(image: Pixels) -> Pixels:
    """Quality 10."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=10)
    return np.asarray(Image.open(file))


def swapped(image: Pixels) -> Pixels:
    """Red and blue swapped."""
    return image[..., ::-1].copy()


def uneven(image: Pixels) -> Pixels:
    """Light that falls to a third from left to right."""
    ramp = np.linspace(1, 1 / 3, image.shape[1])[None, :, None]
    return (image * ramp).astype(np.uint8)


CHANGES: Mapping[str, Callable[[Pixels], Pixels]] = {
    one.__name__: one for one in (hue, gamma, posterised, jpeg, swapped, uneven)
}


def score(segmenter: Any, images: ImageSet, change: Callable[[Pixels], Pixels]) -> float:
    """mIoU on changed images."""
    assert images.labels is not None
    changed = np.stack([change(np.asarray(image)) for image in images.images[0]])
    pixels = torch.from_numpy(changed).permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        predicted = torch.cat([segmenter.predict(batch) for batch in pixels.split(BATCH)])
    labels = torch.from_numpy(np.array(images.labels))
    return mean_iou(confusion_matrix(predicted, labels, len(images.classes))).item()


def main(results: Path) -> None:
    """Print a markdown table: one row per augmentation and seed."""
    records, _ = read_records(results)
    registry, store = load_registry(), Store(results)
    torch.set_num_threads(1)
    print("| " + " | ".join(("seed", *AUGMENTATIONS, "as it is", *CHANGES, "mean of changes")) + " |")
    print("| " + " | ".join("---" for _ in range(9 + len(AUGMENTATIONS))) + " |")
    for record in sorted(records, key=lambda one: (one["seed"], one["config"]["segmenter"]["options"]["jitter"])):
        role = str(PREDICT_SOURCE)
        if record["translator"] != "source-only" or role not in record["stages"]:
            continue
        config = record["config"]["segmenter"]
        fitted = store.stage(FIT_SEGMENTER, record["stages"][FIT_SEGMENTER]["key"]).path
        segmenter = load_fitted(registry, "segmenter", config, fitted, StageContext(fitted))
        spec = store.stage("predict", record["stages"][role]["key"]).path / "stage.json"
        images = ImageSet.open(_input(store, spec, "test"))
        scores = [100 * score(segmenter, images, change) for change in (np.asarray, *CHANGES.values())]
        numbers = [f"{one:.1f}" for one in (*scores, float(np.mean(scores[1:])))]
        options = [str(config["options"][name]) for name in AUGMENTATIONS]
        print("| " + " | ".join((str(record["seed"]), *options, *numbers)) + " |", flush=True)


def _input(store: Store, stage: Path, role: str) -> Path:
    kind, key = json.loads(stage.read_text())["inputs"][role]
    return store.stage(kind, key).path


if __name__ == "__main__":
    main(Path(sys.argv[1]))
