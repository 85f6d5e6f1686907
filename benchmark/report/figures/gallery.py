"""Pictures beside the numbers: predictions of each segmenter on the same test images, and translations.

They are kept in `pictures/` of a results folder, apart from the heavy stages, so that a published folder has them.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.api.dataset import ClassSet
from benchmark.api.imageset import ImageSet
from benchmark.api.spec import CEILING, FLOOR
from benchmark.api.stage_context import PICTURES
from benchmark.errors import DataError
from benchmark.plan.stage_kinds import FIT_TRANSLATOR, HELD_OUT, PREDICT, TRANSLATE, Role
from benchmark.report.figures.contact_sheet import contact_sheet, paint
from benchmark.report.figures.curves import training_curves
from benchmark.report.figures.picture_files import EXACT, PHOTOGRAPHS, origin_of, save_picture, stored_picture
from benchmark.report.figures.strips import sample_sheet, strip_sheet
from benchmark.report.tables import score_text
from benchmark.results.record_fields import RANKED_BY
from benchmark.results.records import DONE, record_path
from benchmark.results.text import printable
from benchmark.stages.inference import evenly_spaced
from benchmark.stages.translation_strips import SHOWN
from benchmark.store.json_files import read_json, write_json
from benchmark.store.layout import STAGE
from benchmark.store.predictions import read_predictions

Record = Mapping[str, Any]
log = logging.getLogger("bench")


@dataclass(frozen=True)
class Samples:
    """A few test images with labels and predictions.

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
    """One picture to be drawn.

    Attributes:
        target: Its file.
        role: The role of the stages it shows, in their cells.
        cells: The cells whose stages of this role it shows.
        words: All text on it; a picture is drawn again when it changes.
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
    """Draw the pictures of finished cells that are not drawn yet, and let their records point to them.

    For each scenario, segmenter and seed: image, label, and predictions of source-only, one translator, oracle; for
    the first seed of each also a sheet of all translators. For each translator and seed: its strips of named columns,
    the last samples of its training, and its curves.

    Args:
        results: The results folder; pictures of stages that are not on this disk are left as they are.
        records: Cells of one matrix.

    A picture that cannot be drawn is a warning in the log, and an older one in its place stays.

    Returns:
        The pictures, relative to `results`, old ones included.
    """
    pictures: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    done = [record for record in records if record["status"] == DONE]
    paths: dict[Path, None] = {}
    for figure in _figures(results, done):
        file = _draw_unless_current(figure, results)
        if file is not None:
            path = file.relative_to(results)
            paths[path] = None
            for cell in figure.cells:
                pictures[cell["cell"]][figure.role].append(path.as_posix())
    for record in done:
        _name_pictures(results, record, pictures[record["cell"]])
    return list(paths)


def _name_pictures(results: Path, record: Record, pictures: Mapping[str, list[str]]) -> None:
    """Let a record name the pictures that stay, instead of those in the stages that do not."""
    stages = {role: stage | {"pictures": pictures.get(role, [])} for role, stage in record["stages"].items()}
    if stages != record["stages"]:
        write_json(record_path(results, record["cell"]), {**record, "stages": stages}, indent=1)


def _figures(results: Path, done: Sequence[Record]) -> Iterator[FigureSpec]:
    """All pictures of some finished cells."""
    groups: dict[tuple[str, str, int], dict[str, Record]] = defaultdict(dict)
    for record in done:
        groups[record["scenario"], record["segmenter"], record["seed"]][record["translator"]] = record
    overviews: set[tuple[str, str]] = set()
    for (scenario, segmenter, seed), cells in sorted(groups.items()):
        folder = results / PICTURES / scenario
        for name in sorted(set(cells) - {FLOOR, CEILING}):
            compared = [cells[row] for row in (FLOOR, name, CEILING) if row in cells]
            yield _predictions(folder / f"{segmenter}-seed{seed}-{name}{EXACT}", compared)
            yield from _translations(results, folder, f"{name}-seed{seed}", cells[name])
        if (scenario, segmenter) not in overviews and len(cells) > 1:
            overviews.add((scenario, segmenter))
            yield _predictions(folder / f"{segmenter}-overview{EXACT}", sorted(cells.values(), key=_sheet_position))


def _sheet_position(record: Record) -> tuple[int, float]:
    """The floor first, then translators from the worst to the best, the ceiling last."""
    order = {FLOOR: 0, CEILING: 2}.get(record["translator"], 1)
    return order, record["metrics"].get(RANKED_BY, 0.0)


def _predictions(target: Path, cells: Sequence[Record]) -> FigureSpec:
    """The sheet of some cells that were tested on the same images."""
    headers = ("image", "label", *map(_header, cells))

    def draw(folders: Sequence[Path]) -> Image.Image:
        samples = [read_samples(folder) for folder in folders]
        first, classes = samples[0], samples[0].classes
        rows = []
        for index, (image, labels) in enumerate(zip(first.images, first.labels, strict=True)):
            maps = [labels, *(sample.predictions[index] for sample in samples)]
            rows.append([image, *(paint(label_map, classes) for label_map in maps)])
        return contact_sheet(headers, rows, _title(cells[0]), classes, fixed=2)

    return FigureSpec(target, Role(PREDICT), tuple(cells), headers, draw)


def _translations(results: Path, folder: Path, name: str, cell: Record) -> Iterator[FigureSpec]:
    """Pictures of a translator: its translations and variants, samples and curves of its training."""
    title = f"{cell['scenario']} · {cell['translator']} · {_run(cell)}"
    width = int(cell["size"][1])
    scored = cell["config"]["scenario"].get("score_translations", "train")
    translated = HELD_OUT if scored == "test" else Role(TRANSLATE)
    drawings: dict[str, tuple[Role, Callable[[Path], Image.Image]]] = {
        f"translation{PHOTOGRAPHS}": (
            translated,
            lambda stage: strip_sheet(stage, "translation", width, title, target_column(results, cell)),
        ),
        f"variants{PHOTOGRAPHS}": (translated, lambda stage: strip_sheet(stage, "variants", width, title)),
        f"training{PHOTOGRAPHS}": (Role(FIT_TRANSLATOR), lambda stage: sample_sheet(stage, title)),
        f"curves{EXACT}": (Role(FIT_TRANSLATOR), lambda stage: training_curves(stage, title)),
    }
    for ending, (role, draw) in drawings.items():
        if role in cell["stages"]:
            yield FigureSpec(folder / f"{name}-{ending}", role, (cell,), (title,), _from_one_folder(draw))


def target_column(results: Path, cell: Record) -> dict[str, Sequence[NDArray[np.uint8]]]:
    """Images of the target domain beside translations, by header: the true ones where the scenario is paired.

    Returns:
        One column, or none where the prepared images are not on this disk.
    """
    scenario = cell["config"]["scenario"]
    is_test = scenario.get("score_translations") == "test"
    # the split that was translated: training images, or those that segmenters are tested on
    if is_test:
        target = _input_images(results, cell, Role(PREDICT), "test")
    else:
        target = _input_images(results, cell, Role(FIT_TRANSLATOR), "target")
    if target is None:
        return {}
    if not scenario.get("paired"):
        return {"any target image": [target.images[0, index] for index in evenly_spaced(len(target), SHOWN)]}
    source = _input_images(results, cell, HELD_OUT if is_test else Role(TRANSLATE), "source")
    if source is None or set(source.ids) != set(target.ids):
        return {}
    place = {name: index for index, name in enumerate(target.ids)}
    translated = [source.ids[index] for index in evenly_spaced(len(source), SHOWN)]
    return {"true target": [target.images[0, place[name]] for name in translated]}


def _input_images(results: Path, cell: Record, role: Role, name: str) -> ImageSet | None:
    """The prepared images that a stage of a cell read under a name, or None where they are not on this disk."""
    stages = results / "stages"
    key = cell["stages"].get(role, {}).get("key", "")
    described = read_json(stages / role.kind / str(key) / STAGE)
    inputs = described.get("inputs", {}) if isinstance(described, dict) else {}
    if name not in inputs:
        return None
    try:
        kind, prepared = inputs[name]
        return ImageSet.open(stages / kind / prepared)
    except (DataError, OSError, ValueError, TypeError):
        return None


def _from_one_folder(draw: Callable[[Path], Image.Image]) -> Callable[[Sequence[Path]], Image.Image]:
    """What draws from the folder of one stage, as `FigureSpec.draw`."""
    return lambda folders: draw(folders[0])


def _draw_unless_current(figure: FigureSpec, results: Path) -> Path | None:
    """The file of a picture, drawn unless an equal one is there; None when it is not there and cannot be drawn."""
    entries = [cell["stages"].get(figure.role) for cell in figure.cells]
    folders = [results / "stages" / figure.role.kind / str(entry["key"]) for entry in entries if entry]
    stored = stored_picture(figure.target)
    if len(folders) < len(figure.cells):  # older records have no stage of this role
        return stored
    # keys of stages name their contents: equal keys and words make an equal picture
    origin = json.dumps([[folder.name for folder in folders], figure.words])
    if origin_of(figure.target) == origin:
        return figure.target
    if not all(folder.is_dir() for folder in folders):  # heavy stages are not published: their pictures stay
        return stored
    try:
        picture = figure.draw(folders)
    except FileNotFoundError:  # not every stage leaves all pictures
        return stored
    except Exception as error:  # files of plugins may hold anything; a picture is no result
        reason = printable(f"{figure.target.name}: cannot be drawn ({type(error).__name__}: {error})")
        log.warning("%s", reason)
        return stored
    save_picture(picture, figure.target, origin)
    return figure.target


def _header(cell: Record) -> str:
    """Name of a cell with its ranking value, as tables print it."""
    return f"{cell['translator']}  {score_text(cell)}".rstrip()


def _title(cell: Record) -> str:
    classes = f"{len(cell['classes'])} classes"
    return f"{cell['scenario']} · {cell['segmenter']} · {classes} · checkpoint {cell['checkpoint']} · {_run(cell)}"


def _run(cell: Record) -> str:
    return f"budget {cell['budget']['name']} · seed {cell['seed']}"
