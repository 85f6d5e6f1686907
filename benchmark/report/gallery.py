"""Pictures beside the numbers: what each segmenter made of the same test images, and what each translator painted.

They are kept in `pictures/` of a results folder, apart from the heavy stages, so that a published folder has them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from benchmark.contracts.dataset import ClassSet
from benchmark.leaderboard import CEILING, FLOOR, ROLES
from benchmark.report.drawing import paint, sheet

Record = Mapping[str, Any]
PICTURES, SAMPLES, META = "pictures", "samples.npz", "samples.json"
MADE_OF = "made of"


@dataclass(frozen=True)
class Samples:
    """A few test images with their labels and what a segmenter made of them.

    Attributes:
        images: 8-bit RGB, shape (k, H, W, 3).
        labels, predictions: Train ids, shape (k, H, W).
        classes: Names and colours.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    predictions: NDArray[np.uint8]
    classes: ClassSet


def read_samples(folder: Path) -> Samples:
    """What a `score-segmentation` stage kept; `OSError`, `ValueError` or `KeyError` when it is not there."""
    with np.load(folder / SAMPLES, allow_pickle=False) as arrays:
        images, labels, predictions = (arrays[name] for name in ("images", "labels", "predictions"))
    meta = json.loads((folder / META).read_text())
    palette = tuple((int(r), int(g), int(b)) for r, g, b in meta["palette"])
    return Samples(images, labels, predictions, ClassSet(tuple(meta["classes"]), palette))


def draw_galleries(results: Path, records: Iterable[Record]) -> list[Path]:
    """Draw what the finished cells show and is not drawn yet.

    For each scenario, segmenter and seed: image, label, and predictions of source-only, one translator, oracle; for
    the first seed of each also a sheet of all translators. For each translator and seed: its own pictures.

    Args:
        results: The results folder; pictures of stages that are not on this disk are left as they are.
        records: Cells of one matrix.

    Returns:
        The pictures, relative to `results`, old ones included.
    """
    done = [record for record in records if record["status"] == "done"]
    groups: dict[tuple[str, str, int], dict[str, Record]] = defaultdict(dict)
    for record in done:
        groups[record["scenario"], record["segmenter"], record["seed"]][record["translator"]] = record
    overviews: set[tuple[str, str]] = set()
    paths: list[Path] = []
    for (scenario, segmenter, seed), cells in sorted(groups.items()):
        folder = results / PICTURES / scenario
        for name in sorted(set(cells) - set(ROLES)):
            target = folder / f"{segmenter}-seed{seed}-{name}.png"
            paths += _draw(results, target, [cells[n] for n in (FLOOR, name, CEILING) if n in cells])
        if (scenario, segmenter) not in overviews and len(cells) > 1:
            overviews.add((scenario, segmenter))
            paths += _draw(results, folder / f"{segmenter}-overview.png", sorted(cells.values(), key=_place))
    return [path.relative_to(results) for path in paths]


def _place(record: Record) -> tuple[int, float]:
    """The floor first, then translators from the worst to the best, the ceiling last."""
    order = {FLOOR: 0, CEILING: 2}.get(record["translator"], 1)
    return order, record["metrics"].get("miou", 0.0)


def _draw(results: Path, target: Path, cells: Sequence[Record]) -> list[Path]:
    """One sheet, unless it was made of the same before."""
    folders = [results / "stages" / "score-segmentation" / _score_key(record) for record in cells]
    headers = [_header(record) for record in cells]
    made_of = json.dumps([[folder.name for folder in folders], headers])
    if _drawn_of(target) == made_of:
        return [target]
    try:
        samples = [read_samples(folder) for folder in folders]
    except (OSError, ValueError, KeyError):  # heavy stages are not published: their pictures stay as they came
        return [target] if target.exists() else []
    first, title = samples[0], _title(cells[0])
    rows = [
        [first.images[k], paint(first.labels[k], first.classes), *(paint(s.predictions[k], s.classes) for s in samples)]
        for k in range(len(first.images))
    ]
    save(sheet(["image", "label", *headers], rows, title, first.classes), target, made_of)
    return [target]


def save(picture: Image.Image, target: Path, made_of: str) -> None:
    """Write a PNG that says what it was made of."""
    notes = PngInfo()
    notes.add_text(MADE_OF, made_of)
    target.parent.mkdir(parents=True, exist_ok=True)
    picture.save(target, pnginfo=notes)


def _drawn_of(target: Path) -> str | None:
    try:
        with Image.open(target) as picture:
            return picture.info.get(MADE_OF)
    except OSError:
        return None


def _score_key(record: Record) -> str:
    return str(record["stages"]["score-segmentation"]["key"])


def _header(record: Record) -> str:
    miou = record["metrics"].get("miou")
    return str(record["translator"]) + ("" if miou is None else f"  mIoU {100 * miou:.1f} %")


def _title(record: Record) -> str:
    protocol = f"{len(record['classes'])} classes · budget {record['budget']} · checkpoint {record['checkpoint']}"
    return f"{record['scenario']} · {record['segmenter']} · seed {record['seed']} · {protocol}"
