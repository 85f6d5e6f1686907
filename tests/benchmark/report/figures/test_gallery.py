"""Finished cells become labelled pictures that outlive the stages they were drawn from."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark import ClassSet, StageContext
from benchmark.api.imageset import ImageSetWriter
from benchmark.report.figures.contact_sheet import LINE, PANEL_WIDTH
from benchmark.report.figures.gallery import keep_pictures, target_column
from benchmark.store.json_files import write_json
from benchmark.store.predictions import write_predictions

HEIGHT, WIDTH = 32, 64
PALETTE = np.array([(128, 64, 128), (70, 130, 180), (0, 0, 142)], np.uint8)
PREDICTED = {"source-only": 1, "cyclegan": 2, "oracle": 0}


def _keep_stages(results, cell):
    labels = np.zeros((2, HEIGHT, WIDTH), np.uint8)
    labels[:, :8] = 255
    classes = ClassSet(("road", "sky", "car"), tuple(map(tuple, PALETTE.tolist())))
    test = ImageSetWriter(results / "stages/prepare/test", ("a", "b"), (HEIGHT, WIDTH), classes, labelled=True)
    for index in range(2):
        test.put(index, np.full((HEIGHT, WIDTH, 3), 200, np.uint8), labels[index])
    test.close()
    predict = results / "stages/predict" / cell["stages"]["predict"]["key"]
    predict.mkdir(parents=True)
    write_predictions(predict, np.full_like(labels, PREDICTED[cell["translator"]]), ("a", "b"))
    write_json(predict / "stage.json", {"inputs": {"test": ["prepare", "test"]}})
    if "translate" in cell["stages"]:
        pictures = results / "stages/translate" / cell["stages"]["translate"]["key"] / "pictures"
        pictures.mkdir(parents=True)
        strip = np.concatenate([np.full((HEIGHT, WIDTH, 3), shade, np.uint8) for shade in (10, 120, 230)], axis=1)
        for number in range(2):
            Image.fromarray(strip).save(pictures / f"translation-{number}.png")


@pytest.fixture
def cells(record, tmp_path):
    found = []
    for seed in (0, 1):
        for name in PREDICTED:
            stages = {"predict": {"key": f"predict-{name}-{seed}"}}
            if name == "cyclegan":
                stages["translate"] = {"key": f"translate-{seed}"}
            cell = record(name, seed, 0.5, stages=stages, size=[HEIGHT, WIDTH])
            _keep_stages(tmp_path, cell)
            found.append(cell)
    return found


def _panel(picture, column, row):
    """The colour in the middle of a column."""
    factor = PANEL_WIDTH // WIDTH
    left = 6 + column * (PANEL_WIDTH + 6)
    top = 2 * LINE + row * (HEIGHT * factor + 6)
    return tuple(int(v) for v in np.asarray(picture)[top + HEIGHT * factor // 2, left + PANEL_WIDTH // 2])


def _shade(picture, column, row):
    """The colour in the middle of a column of photographs, to the tens, as they are not stored exactly."""
    return tuple(round(value, -1) for value in _panel(picture, column, row))


def test_each_cell_and_each_scenario_get_their_pictures(cells, tmp_path):
    assert sorted(map(str, keep_pictures(tmp_path, cells))) == [
        "pictures/streets/cyclegan-seed0-translation.webp",
        "pictures/streets/cyclegan-seed1-translation.webp",
        "pictures/streets/deeplabv3-overview.png",
        "pictures/streets/deeplabv3-seed0-cyclegan.png",
        "pictures/streets/deeplabv3-seed1-cyclegan.png",
    ]


def test_a_sheet_shows_image_label_floor_adapted_and_ceiling_in_this_order(cells, tmp_path):
    keep_pictures(tmp_path, cells)
    with Image.open(tmp_path / "pictures/streets/deeplabv3-seed0-cyclegan.png") as picture:
        for row in (0, 1):
            shown = [_panel(picture, column, row) for column in range(5)]
            colours = [tuple(PALETTE[index].tolist()) for index in (0, 1, 2, 0)]
            assert shown == [(200, 200, 200), *colours]


def test_strips_are_cut_into_source_translated_and_cycled(cells, tmp_path):
    keep_pictures(tmp_path, cells)
    with Image.open(tmp_path / "pictures/streets/cyclegan-seed0-translation.webp") as picture:
        assert [_shade(picture, column, 1) for column in range(3)] == [(10,) * 3, (120,) * 3, (230,) * 3]


def test_a_translator_without_a_way_back_has_two_columns(cells, tmp_path):
    folder = tmp_path / "stages/translate/translate-0/pictures"
    for path in folder.iterdir():
        Image.fromarray(np.asarray(Image.open(path))[:, : 2 * WIDTH]).save(path)
    keep_pictures(tmp_path, cells)
    with Image.open(tmp_path / "pictures/streets/cyclegan-seed0-translation.webp") as picture:
        assert picture.width < 3 * PANEL_WIDTH


@pytest.fixture
def trained(cells, tmp_path):
    """The cells, with samples and a log of the training of their translator."""
    for cell in cells:
        if cell["translator"] == "cyclegan":
            cell["stages"]["fit-translator"] = {"key": f"fit-{cell['seed']}"}
            folder = tmp_path / "stages/fit-translator" / f"fit-{cell['seed']}"
            (folder / "pictures").mkdir(parents=True)
            Image.new("RGB", (50, 30)).save(folder / "pictures" / "step_0000100.png")
            (folder / "scalars.jsonl").write_text('{"step": 50, "cycle": 0.5}\n{"step": 100, "cycle": 0.3}\n')
    return cells


def test_a_trained_translator_shows_its_last_samples_and_its_curves(trained, tmp_path):
    kept = {path.name for path in keep_pictures(tmp_path, trained)}
    assert {"cyclegan-seed0-training.webp", "cyclegan-seed1-curves.png"} <= kept
    stored = json.loads((tmp_path / "records" / f"{trained[1]['cell']}.json").read_text())
    assert stored["stages"]["fit-translator"]["pictures"] == [
        "pictures/streets/cyclegan-seed0-training.webp",
        "pictures/streets/cyclegan-seed0-curves.png",
    ]


def test_variants_have_a_sheet_of_their_own(cells, tmp_path):
    folder = tmp_path / "stages/translate/translate-0/pictures"
    StageContext(folder.parent).images(
        "variants-0", torch.zeros(3, HEIGHT, 3 * WIDTH), columns=("source", "variant 0", "variant 1")
    )
    kept = [path.name for path in keep_pictures(tmp_path, cells) if "variants" in path.name]
    assert kept == ["cyclegan-seed0-variants.webp"]


def test_where_the_test_split_is_scored_its_translations_are_shown(cells, tmp_path):
    for cell in cells:
        cell["config"]["scenario"] = cell["config"]["scenario"] | {"score_translations": "test"}
        if cell["translator"] == "cyclegan":
            cell["stages"]["translate:test"] = {"key": f"held-out-{cell['seed']}"}
            folder = tmp_path / "stages/translate" / f"held-out-{cell['seed']}" / "pictures"
            folder.mkdir(parents=True)
            Image.new("RGB", (2 * WIDTH, HEIGHT), (80, 80, 80)).save(folder / "translation-0.png")
    keep_pictures(tmp_path, cells)
    with Image.open(tmp_path / "pictures/streets/cyclegan-seed0-translation.webp") as picture:
        assert [_shade(picture, column, 0) for column in range(2)] == [(80,) * 3] * 2
    stored = json.loads((tmp_path / "records" / f"{cells[1]['cell']}.json").read_text())
    assert stored["stages"]["translate:test"]["pictures"] == ["pictures/streets/cyclegan-seed0-translation.webp"]


def test_pictures_stay_when_the_stages_are_gone(cells, tmp_path):
    before = keep_pictures(tmp_path, cells)
    assert before
    shutil.rmtree(tmp_path / "stages")
    assert keep_pictures(tmp_path, cells) == before
    assert all((tmp_path / path).is_file() for path in before)


def test_pictures_of_older_versions_stay_as_photographs_when_the_stages_are_gone(cells, tmp_path):
    before = keep_pictures(tmp_path, cells)
    newer = tmp_path / "pictures/streets/cyclegan-seed0-translation.webp"
    with Image.open(newer) as picture:
        picture.save(newer.with_suffix(".png"))
    newer.unlink()
    shutil.rmtree(tmp_path / "stages")
    assert keep_pictures(tmp_path, cells) == before
    assert newer.exists()


def test_photographs_of_older_versions_are_stored_anew_where_their_stages_are(cells, tmp_path):
    older = tmp_path / "pictures/streets/cyclegan-seed0-translation.png"
    older.parent.mkdir(parents=True)
    Image.new("RGB", (9, 9)).save(older)
    assert older.with_suffix(".webp").relative_to(tmp_path) in keep_pictures(tmp_path, cells)
    assert not older.exists()


def test_nothing_is_drawn_twice_and_new_results_are_drawn_anew(cells, tmp_path):
    keep_pictures(tmp_path, cells)
    path = tmp_path / "pictures/streets/deeplabv3-seed1-cyclegan.png"
    first = path.stat().st_mtime_ns
    keep_pictures(tmp_path, cells)
    assert path.stat().st_mtime_ns == first
    changed = [cell | {"metrics": {"miou": 0.6}} for cell in cells]
    keep_pictures(tmp_path, changed)
    assert path.stat().st_mtime_ns > first


def test_failed_cells_and_absent_stages_draw_nothing(cells, tmp_path, record):
    assert keep_pictures(tmp_path, [record("cyclegan", 0, status="failed", stages={})]) == []
    shutil.rmtree(tmp_path / "stages")
    assert keep_pictures(tmp_path, cells) == []


def test_records_point_to_the_pictures_that_stay(cells, tmp_path):
    keep_pictures(tmp_path, cells)
    stored = {cell["cell"]: json.loads((tmp_path / "records" / f"{cell['cell']}.json").read_text()) for cell in cells}
    shown = {
        (cell["translator"], cell["seed"]): [path for stage in cell["stages"].values() for path in stage["pictures"]]
        for cell in stored.values()
    }
    assert shown["cyclegan", 1] == [
        "pictures/streets/deeplabv3-seed1-cyclegan.png",
        "pictures/streets/cyclegan-seed1-translation.webp",
    ]
    assert "pictures/streets/deeplabv3-overview.png" in shown["oracle", 0]
    assert all((tmp_path / path).is_file() for paths in shown.values() for path in paths)


def test_a_record_whose_pictures_are_known_is_left_as_it_is(cells, tmp_path):
    keep_pictures(tmp_path, cells)
    paths = sorted((tmp_path / "records").iterdir())
    stored = [json.loads(path.read_text()) for path in paths]
    before = [path.stat().st_mtime_ns for path in paths]
    keep_pictures(tmp_path, stored)
    assert [path.stat().st_mtime_ns for path in paths] == before


def test_a_picture_that_was_cut_off_is_drawn_again(cells, tmp_path):
    path = tmp_path / keep_pictures(tmp_path, cells)[0]
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    keep_pictures(tmp_path, cells)
    assert path.read_bytes() == whole


def test_a_picture_appears_in_one_step(cells, tmp_path, monkeypatch):
    before = keep_pictures(tmp_path, cells)[0]
    whole = (tmp_path / before).read_bytes()

    def cut_off(picture, file, **options):
        Path(file).write_bytes(whole[:100])
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", cut_off)
    cells[0]["metrics"]["miou"] = 0.123  # what is written on the overview changes
    with pytest.raises(KeyboardInterrupt):
        keep_pictures(tmp_path, cells)
    assert not list((tmp_path / "pictures").rglob("*.partial"))
    for path in (tmp_path / "pictures").rglob("*.*"):
        with Image.open(path) as picture:
            picture.load()


def test_a_picture_that_cannot_be_drawn_is_a_warning_and_costs_no_other(cells, tmp_path, caplog):
    stage = next(cell["stages"]["predict"]["key"] for cell in cells if cell["translator"] == "cyclegan")
    for file in (tmp_path / "stages/predict" / stage).glob("*.np*"):
        file.write_bytes(b"no archive")
    kept = [path.name for path in keep_pictures(tmp_path, cells)]
    assert "deeplabv3-seed1-cyclegan.png" in kept
    assert "deeplabv3-seed0-cyclegan.png" not in kept
    assert "deeplabv3-seed0-cyclegan.png: cannot be drawn (" in caplog.text


@pytest.mark.parametrize(("paired", "header"), [(True, "true target"), (False, "any target image")])
def test_translations_stand_beside_target_images(cells, tmp_path, paired, header):
    cell = next(cell for cell in cells if cell["translator"] == "cyclegan")
    cell["stages"]["fit-translator"] = {"key": "fit"}
    cell["config"]["scenario"] |= {"paired": paired}
    write_json(tmp_path / "stages/fit-translator/fit/stage.json", {"inputs": {"target": ["prepare", "test"]}})
    write_json(tmp_path / "stages/translate/translate-0/stage.json", {"inputs": {"source": ["prepare", "reversed"]}})
    classes = ClassSet(("road", "sky", "car"), tuple(map(tuple, PALETTE.tolist())))
    source = ImageSetWriter(tmp_path / "stages/prepare/reversed", ("b", "a"), (HEIGHT, WIDTH), classes, labelled=False)
    for index in range(2):
        source.put(index, np.full((HEIGHT, WIDTH, 3), 10, np.uint8), None)
    source.close()
    pixels = np.load(tmp_path / "stages/prepare/test/images.npy", mmap_mode="r+")
    pixels[0, 0] = 90  # image "a"
    pixels.flush()
    assert list(target_column(tmp_path, cell)) == [header]
    keep_pictures(tmp_path, cells)
    with Image.open(tmp_path / "pictures/streets/cyclegan-seed0-translation.webp") as picture:
        assert _shade(picture, 2, 1) == (230,) * 3
        assert _shade(picture, 3, 1) == ((90,) * 3 if paired else (200,) * 3)
