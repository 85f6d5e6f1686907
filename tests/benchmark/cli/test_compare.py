"""`bench compare` says in words and in JSON how sure the difference of two rows is."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from benchmark.cli import main

NOISE = {"source-only": (0.0, 0.03, 0.01), "cyclegan": (0.0, 0.01, 0.02), "cut": (0.02, 0.0, 0.01)}
CLASSES = ("road", "sky", "car")


def _with_images(cell, random, groups=None):
    """The record with counts of 40 images, and the IoU and mIoU that follow from them."""
    union = random.integers(50, 150, (40, 3))
    share = np.clip(cell["metrics"]["miou"] + random.normal(0, 0.1, (40, 3)), 0, 1)
    intersection = (union * share).astype(int)
    iou = intersection.sum(0) / union.sum(0)
    images = {"intersection": intersection.tolist(), "union": union.tolist()}
    cell["metrics"]["miou"] = float(iou.mean())
    cell["details"] = {"segmentation": {"iou": dict(zip(CLASSES, iou.tolist(), strict=True)), "image_counts": images}}
    return cell | ({"test_groups": groups} if groups else {})


@pytest.fixture
def write_records(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results" / "records"
    folder.mkdir(parents=True)

    def write(cells):
        for number, cell in enumerate(cells):
            (folder / f"{number}.json").write_text(json.dumps(cell))

    return write


@pytest.fixture
def three_seeds(record):
    scores = {"source-only": 0.1, "cyclegan": 0.5, "cut": 0.49}
    return [record(name, seed, miou + NOISE[name][seed]) for name, miou in scores.items() for seed in (0, 1, 2)]


def _bench(*arguments):
    return CliRunner().invoke(main, ["compare", *map(str, arguments)])


def _words(outcome):
    assert outcome.exit_code == 0, outcome.output
    return " ".join(outcome.stdout.split())


def test_words_say_by_how_much_how_sure_and_over_what(write_records, three_seeds):
    write_records(three_seeds)
    words = _words(_bench("cyclegan", "source-only"))
    assert "cyclegan has 39.7 points more mIoU than source-only (floor)." in words
    assert "it does not include 0." in words
    assert "as one of all 3 pairs of complete rows of this board (Holm's correction): the rows are told apart" in words
    assert "Over seed 0, 1, 2." in words


def test_the_better_row_comes_first_in_the_words_whatever_was_asked(write_records, three_seeds):
    write_records(three_seeds)
    words = _words(_bench("source-only", "cyclegan"))
    assert "cyclegan has 39.7 points more mIoU than source-only" in words
    assert "images): +3" in words


def test_rows_that_are_close_cannot_be_told_apart(write_records, three_seeds):
    write_records(three_seeds)
    words = _words(_bench("cut", "cyclegan"))
    assert "it includes 0." in words
    assert "the rows cannot be told apart at 5 %." in words


def test_a_folder_may_be_named_after_the_rows(write_records, three_seeds, tmp_path, monkeypatch):
    write_records(three_seeds)
    monkeypatch.chdir("/")
    assert "39.7 points" in _words(_bench("cyclegan", "source-only", tmp_path / "results"))


def test_counts_of_images_widen_the_question_to_other_images(write_records, three_seeds):
    random = np.random.default_rng(0)
    groups = [f"sequence {number % 20}" for number in range(40)]
    write_records([_with_images(cell, random, groups) for cell in three_seeds])
    outcome = _bench("cyclegan", "source-only")
    assert "for other trainings and other test images of this kind" in _words(outcome)
    assert "Over seed 0, 1, 2; 40 test images in 20 groups." in _words(outcome)
    assert "due to trainings" in _words(outcome)
    assert any(line.startswith("sky ") and line.endswith(" *") for line in outcome.stdout.splitlines())


def test_one_seed_shows_its_difference_and_that_nothing_can_be_told(write_records, three_seeds):
    write_records([cell for cell in three_seeds if cell["seed"] == 0])
    words = _words(_bench("cyclegan", "cut"))
    assert "One translator seed: which row is better with other trainings cannot be told." in words
    assert "cyclegan minus cut: seed 0: -1.0 points." in words
    assert "95 % interval" not in words


def test_one_seed_has_an_interval_over_images_named_as_such(write_records, three_seeds):
    random = np.random.default_rng(0)
    write_records([_with_images(cell, random) for cell in three_seeds if cell["seed"] == 0])
    words = _words(_bench("cyclegan", "source-only"))
    assert "cannot be told" in words
    assert "With these very trainings, the 95 % interval for other test images of this kind is +3" in words


def test_seeds_that_a_row_lacks_are_named(write_records, three_seeds):
    write_records([cell for cell in three_seeds if (cell["translator"], cell["seed"]) != ("cut", 2)])
    words = _words(_bench("cyclegan", "cut"))
    assert "Over seed 0, 1 alone: cut lacks 2." in words
    assert "it is not among the comparisons of the board" in words


def test_json_holds_the_difference_of_the_first_to_the_second(write_records, three_seeds):
    random = np.random.default_rng(0)
    write_records([_with_images(cell, random) for cell in three_seeds])
    (found,) = json.loads(_bench("source-only", "cyclegan", "--json").stdout)
    assert (found["a"]["translator"], found["b"]["translator"]) == ("source-only", "cyclegan")
    assert found["difference"]["mean"] == pytest.approx(found["a"]["miou"]["mean"] - found["b"]["miou"]["mean"])
    assert found["difference"]["covers"] == "trainings and test images"
    assert (found["told_apart"], found["pairs_of_the_board"]) == (True, 3)
    assert (found["test_images"], found["groups_of_test_images"]) == (40, 40)
    assert set(found["per_class"]) == set(CLASSES)
    assert set(found["single_differences"]) == {"0", "1", "2"}
    low, high = found["ci95_test_images_alone"]
    assert low < found["difference"]["mean"] < high


def test_each_segmenter_that_has_both_rows_gives_a_comparison(write_records, three_seeds, record):
    unet = [record(name, 0, 0.3, segmenter="unet") for name in ("cyclegan", "cut")]
    alone = record("cyclegan", 0, 0.3, segmenter="segformer")
    write_records([*three_seeds, *unet, alone])
    found = json.loads(_bench("cyclegan", "cut", "--json").stdout)
    assert {one["family"] for one in found} == {"deeplabv3", "unet"}
    (one,) = json.loads(_bench("cyclegan:unet", "cut", "--json").stdout)
    assert one["family"] == "unet"
    (other,) = json.loads(_bench("cyclegan", "cut", "--segmenter", "unet", "--json").stdout)
    assert other == one


def test_rows_of_two_segmenters_of_a_family_are_compared(write_records, three_seeds, record):
    augmented = [record("source-only", seed, 0.3, segmenter="augmented", family="deeplabv3") for seed in (0, 1, 2)]
    write_records([*three_seeds, *augmented])
    words = _words(_bench("cyclegan:deeplabv3", "source-only x augmented"))
    assert "cyclegan x deeplabv3 has 21.0 points more mIoU than source-only (floor) x augmented." in words


def test_rows_of_one_alias_are_named_by_their_keys(write_records, record):
    cells = [record("cyclegan", 0, 0.5, options={"cycle": w}, config_key=f"{w}abcdefg") for w in (5, 9)]
    write_records(cells)
    outcome = _bench("cyclegan", "cyclegan")
    assert outcome.exit_code == 2
    assert "'cyclegan[5abcde]' (translator.cycle=5), 'cyclegan[9abcde]' (translator.cycle=9)" in outcome.stderr
    assert "have the same mIoU" in _words(_bench("cyclegan[5abcde]", "cyclegan[9abcde]"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["cyclgan", "cut"], "no row 'cyclgan'. Did you mean 'cyclegan'? There are: cut:deeplabv3, cyclegan:deeplabv3"),
        (["cut", "cut"], "'cut' and 'cut' are one row; name two"),
        (["cut", "a b c"], "'a b c': expected a translator, or one with its segmenter"),
        (["cut", "cyclegan", "--scenario", "street"], "--scenario street: no records of it. Did you mean 'streets'?"),
        (["cut", "cyclegan", "--segmenter", "unet"], "--segmenter unet: no records of it. There are: deeplabv3"),
        (["cut", "cyclegan", "nowhere"], "nowhere: no such results folder"),
        (["cut"], "Missing argument 'B'"),
    ],
)
def test_a_wrong_use_is_one_line_and_exit_code_2(write_records, three_seeds, arguments, expected):
    write_records(three_seeds)
    outcome = _bench(*arguments)
    assert outcome.exit_code == 2
    assert expected in outcome.stderr
    assert len(outcome.stderr.splitlines()) == 1


def test_a_damaged_record_is_a_warning(write_records, three_seeds, tmp_path):
    write_records(three_seeds)
    (tmp_path / "results/records/broken.json").write_text("{")
    outcome = _bench("cyclegan", "source-only")
    assert outcome.exit_code == 2
    assert "39.7 points" in outcome.stdout
    assert "broken.json" in outcome.stderr
