"""Pictures beside the numbers: what each segmenter made of the same test images, and what each translator painted.

They are kept in `pictures/` of a results folder, apart from the heavy stages, so that a published folder has them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from benchmark.api.dataset import ClassSet
from benchmark.api.imageset import ImageSet
from benchmark.api.spec import CEILING, FLOOR
from benchmark.api.stage_context import PICTURES
from benchmark.errors import DataError
from benchmark.plan.stage_kinds import FIT_TRANSLATOR, HELD_OUT, PREDICT, TRANSLATE, Role
from benchmark.report.figures.contact_sheet import contact_sheet, paint
from benchmark.report.figures.curves import training_curves
from benchmark.report.figures.strips import sample_sheet, strip_sheet
from benchmark.results.board import ROLES
from benchmark.results.records import DONE, record_path
from benchmark.stages.inference import evenly_spaced
from benchmark.stages.translation_strips import SHOWN
from benchmark.store.json_files import read_json, write_json
from benchmark.store.layout import STAGE
from benchmark.store.predictions import read_predictions

Record = Mapping[str, Any]
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


@dataclass(frozen=True)
class FigureSpec:
    """One picture to be.

    Attributes:
        target: Its file.
        role: The role of the stages it shows, in their cells.
        cells: The cells whose stages of this role it shows.
        words: All that is written on it.
        draw: Draws it from the folders of these stages.
    """

    target: Path
    role: Role
    cells: tuple[Record, ...]
    words: tuple[str, ...]
    draw: Callable[[Sequence[Path]], Image.Image]


def read_samples(folder: Path) -> Samples:
    """A few images of a finished predict stage, spread over its test set, with labels and predictions.

    Raises:
        DataError: The stage, or the test set it read, is not there.
    """
    predictions = read_predictions(folder)
    described = read_json(folder / STAGE) or {}
    kind, key = described.get("inputs", {}).get("test", ("", ""))
    test = ImageSet.open(folder.parents[1] / kind / key)
    if test.labels is None:
        raise DataError(f"{folder}: its test set has no labels to compare with")
    indices = evenly_spaced(len(test), SHOWN)
    return Samples(test.images[0, indices], test.labels[indices], predictions.maps[indices], test.classes)


def keep_pictures(results: Path, records: Iterable[Record]) -> list[Path]:
    """Draw what the finished cells show and is not drawn yet, and let their records point to it.

    For each scenario, segmenter and seed: image, label, and predictions of source-only, one translator, oracle; for
    the first seed of each also a sheet of all translators. For each translator and seed: its strips of named columns,
    the last samples of its training, and its curves.

    Args:
        results: The results folder; pictures of stages that are not on this disk are left as they are.
        records: Cells of one matrix.

    Returns:
        The pictures, relative to `results`, old ones included.
    """
    shown: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    done = [record for record in records if record["status"] == DONE]
    paths: dict[Path, None] = {}
    for plate in _plates(results, done):
        if _drawn(plate, results):
            path = plate.target.relative_to(results)
            paths[path] = None
            for cell in plate.cells:
                shown[cell["cell"]][plate.role].append(path.as_posix())
    for record in done:
        _point(results, record, shown[record["cell"]])
    return list(paths)


def _point(results: Path, record: Record, shown: Mapping[str, list[str]]) -> None:
    """Let a record name the pictures that stay, instead of those in the stages that do not."""
    stages = {role: stage | {"pictures": shown.get(role, [])} for role, stage in record["stages"].items()}
    if stages != record["stages"]:
        write_json(record_path(results, record["cell"]), {**record, "stages": stages}, indent=1)


def _plates(results: Path, done: Sequence[Record]) -> Iterator[FigureSpec]:
    """All pictures of some finished cells."""
    groups: dict[tuple[str, str, int], dict[str, Record]] = defaultdict(dict)
    for record in done:
        groups[record["scenario"], record["segmenter"], record["seed"]][record["translator"]] = record
    overviews: set[tuple[str, str]] = set()
    for (scenario, segmenter, seed), cells in sorted(groups.items()):
        folder = results / PICTURES / scenario
        for name in sorted(set(cells) - set(ROLES)):
            compared = [cells[n] for n in (FLOOR, name, CEILING) if n in cells]
            yield _predictions(folder / f"{segmenter}-seed{seed}-{name}.png", compared)
            yield from _translations(folder, f"{name}-seed{seed}", cells[name])
        if (scenario, segmenter) not in overviews and len(cells) > 1:
            overviews.add((scenario, segmenter))
            yield _predictions(folder / f"{segmenter}-overview.png", sorted(cells.values(), key=_place))


def _place(record: Record) -> tuple[int, float]:
    """The floor first, then translators from the worst to the best, the ceiling last."""
    order = {FLOOR: 0, CEILING: 2}.get(record["translator"], 1)
    return order, record["metrics"].get("miou", 0.0)


def _predictions(target: Path, cells: Sequence[Record]) -> FigureSpec:
    """The sheet of some cells that were tested on the same images."""
    headers = ("image", "label", *map(_header, cells))

    def draw(folders: Sequence[Path]) -> Image.Image:
        samples = [read_samples(folder) for folder in folders]
        first, classes = samples[0], samples[0].classes
        rows = [
            [first.images[k], paint(first.labels[k], classes), *(paint(s.predictions[k], classes) for s in samples)]
            for k in range(len(first.images))
        ]
        return contact_sheet(headers, rows, _title(cells[0]), classes, fixed=2)

    return FigureSpec(target, Role(PREDICT), tuple(cells), headers, draw)


def _translations(folder: Path, name: str, cell: Record) -> Iterator[FigureSpec]:
    """What a translator does, and how it came to do so."""
    title = f"{cell['scenario']} · {cell['translator']} · {_run(cell)}"
    width = int(cell["size"][1])
    scored = cell["config"]["scenario"].get("score_translations", "train")
    translated = HELD_OUT if scored == "test" else Role(TRANSLATE)
    drawings: dict[str, tuple[Role, Callable[[Path], Image.Image]]] = {
        "translation": (translated, lambda stage: strip_sheet(stage, "translation", width, title)),
        "variants": (translated, lambda stage: strip_sheet(stage, "variants", width, title)),
        "training": (Role(FIT_TRANSLATOR), lambda stage: sample_sheet(stage, title)),
        "curves": (Role(FIT_TRANSLATOR), lambda stage: training_curves(stage, title)),
    }
    for what, (role, draw) in drawings.items():
        if role in cell["stages"]:
            yield FigureSpec(folder / f"{name}-{what}.png", role, (cell,), (title,), _of_the_only(draw))


def _of_the_only(draw: Callable[[Path], Image.Image]) -> Callable[[Sequence[Path]], Image.Image]:
    return lambda folders: draw(folders[0])


def _drawn(plate: FigureSpec, results: Path) -> bool:
    """Draw a picture unless it was made of the same before; false when it is not there and cannot be drawn."""
    folders = [results / "stages" / plate.role.kind / str(cell["stages"][plate.role]["key"]) for cell in plate.cells]
    made_of = json.dumps([[folder.name for folder in folders], plate.words])
    if _made_of(plate.target) == made_of:
        return True
    try:
        picture = plate.draw(folders)
    except (
        DataError,
        OSError,
        ValueError,
        KeyError,
    ):  # heavy stages are not published: their pictures stay as they came
        return plate.target.exists()
    notes = PngInfo()
    notes.add_text(MADE_OF, made_of)
    plate.target.parent.mkdir(parents=True, exist_ok=True)
    picture.save(plate.target, pnginfo=notes)
    return True


def _made_of(target: Path) -> str | None:
    try:
        with Image.open(target) as picture:
            found: str | None = picture.info.get(MADE_OF)
            return found
    except OSError:
        return None


def _header(cell: Record) -> str:
    miou = cell["metrics"].get("miou")
    return str(cell["translator"]) + ("" if miou is None else f"  mIoU {100 * miou:.1f} %")


def _title(cell: Record) -> str:
    classes = f"{len(cell['classes'])} classes"
    return f"{cell['scenario']} · {cell['segmenter']} · {classes} · checkpoint {cell['checkpoint']} · {_run(cell)}"


def _run(cell: Record) -> str:
    return f"budget {cell['budget']} · seed {cell['seed']}"
