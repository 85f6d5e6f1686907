"""What a user does wrong is one clear line and exit code 2, or a failed row and exit code 1; nothing else is lost."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from benchmark.cli import main

TOYS = Path(__file__).parents[1] / "toys"
SIDE = """
[{role}]
dataset = "folder"
[{role}.options]
root = "data/{role}"
classes = ["road", "sky", "car"]
mapping = {{ 7 = "road", 8 = "sky", 9 = "car", 0 = "ignore" }}
[{role}.options.splits]
train = {{ images = "train/images", labels = "train/labels" }}
val = {{ images = "val/images", labels = "val/labels" }}
"""
SCENARIO = "size = [8, 12]\n" + SIDE.format(role="source") + SIDE.format(role="target")
MATRIX = 'scenarios = ["mine"]\ntranslators = ["shift"]\nsegmenters = ["nearest"]\nmetrics = ["accuracy"]\n'
RUN = ("matrix", "mine.toml", "--budget", "tiny", "--device", "cpu", "--executor", "inline", "--format", "json")
SOURCE = Path("data/source/train")


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A working folder with the toy plugins, a small data set on disk, a scenario and a matrix of it."""
    shutil.copytree(TOYS, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    for path, text in (("scenarios/mine.toml", SCENARIO), ("budgets/tiny.toml", "")):
        write(Path("configs", path), text)
    write(Path("mine.toml"), MATRIX)
    generator = np.random.default_rng(0)
    for folder in (Path("data", role, split) for role in ("source", "target") for split in ("train", "val")):
        for name in ("a.png", "b.png"):
            put(folder / "images" / name, generator.integers(0, 256, (8, 12, 3), np.uint8))
            put(folder / "labels" / name, generator.integers(7, 10, (8, 12), np.uint8))


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def put(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def edit(path, old, new):
    """Replace the first of what is there."""
    text = Path(path).read_text()
    assert old in text
    Path(path).write_text(text.replace(old, new, 1))


def bench(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def error_of(*arguments):
    """The line that a wrong use is answered with, before anything has run."""
    outcome = bench(*arguments)
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    line, rest = outcome.stderr.split("\n", 1)
    assert rest == ""
    assert line.startswith("Error: ")
    assert not Path("results/stages").exists()
    return line.removeprefix("Error: ")


def rows(outcome):
    return {row["translator"]: row for row in json.loads(outcome.stdout)}


def reasons_of_failed_rows(*arguments):
    """Why rows failed, by translator; the others are complete."""
    outcome = bench(*RUN, *arguments)
    assert outcome.exit_code == 1
    assert "Traceback" not in outcome.output
    failed = {label: row["failures"]["0"] for label, row in rows(outcome).items() if row["status"] != "complete"}
    assert all("\n" not in reason for reason in failed.values())
    return failed


def everything_is_done():
    outcome = bench(*RUN)
    complete = {row["translator"] for row in json.loads(outcome.stdout) if row["status"] == "complete"}
    return outcome.exit_code == 0 and complete == {"source-only", "shift", "oracle"}


def test_the_matrix_that_the_others_spoil_is_a_good_one():
    assert everything_is_done()


def test_a_misspelt_plugin_is_answered_with_the_nearest_one():
    expected = "translator 'shft' is not known. Did you mean 'shift'?  (bench plugins list --kind translator)"
    assert error_of(*RUN, "--translators", "shft") == expected


def test_a_misspelt_option_is_answered_with_file_key_and_the_nearest_one():
    write(Path("mine.toml"), MATRIX + "[translator.shift]\nstpes = 3\n")
    assert error_of(*RUN) == "mine.toml: translator.shift.stpes: unknown option. Did you mean 'steps'?"


def test_a_misspelt_class_name_is_answered_with_scenario_side_and_the_nearest_one():
    edit("configs/scenarios/mine.toml", '8 = "sky"', '8 = "sly"')
    expected = "mapping: '8' leads to 'sly', which is no class and not 'ignore'. Did you mean 'sky'?"
    assert error_of(*RUN) == f"scenario 'mine', source: {expected}"


def test_a_missing_data_folder_is_named_with_where_it_was_looked_for(monkeypatch):
    monkeypatch.setenv("BENCH_DATA", "/nowhere")
    edit("configs/scenarios/mine.toml", "data/target", "data/tagret")
    line = error_of(*RUN)
    assert line.startswith(
        "scenario 'mine', target: data folder 'data/tagret' not found; looked at /nowhere/data/tagret"
    )
    assert line.endswith("set BENCH_DATA to the folder that holds it, or mend `root`")


def test_a_label_of_another_size_fails_the_rows_that_learn_from_it_until_it_is_replaced():
    label = SOURCE / "labels/b.png"
    whole = label.read_bytes()
    put(label, np.full((4, 6), 7, np.uint8))
    failed = reasons_of_failed_rows()
    assert set(failed) == {"source-only", "shift"}
    assert "labels/b.png: label of 6 x 4 pixels, but " in failed["shift"]
    assert failed["shift"].endswith("images/b.png has 12 x 8; replace one, or list 'b' in `exclude`")
    label.write_bytes(whole)
    assert everything_is_done()


@pytest.mark.parametrize(("content", "reason"), [(b"no picture", "it is damaged"), (None, "truncated")])
def test_a_corrupt_image_fails_the_rows_that_need_it_until_it_is_replaced(content, reason):
    image = SOURCE / "images/b.png"
    whole = image.read_bytes()
    image.write_bytes(content or whole[:-60])
    failed = reasons_of_failed_rows()
    assert set(failed) == {"source-only", "shift"}
    assert f"{image}: cannot be read as an image (" in failed["source-only"]
    assert reason in failed["source-only"]
    image.write_bytes(whole)
    assert everything_is_done()


def test_a_label_id_outside_the_map_fails_all_rows_that_are_tested_on_it():
    put(Path("data/target/val/labels/a.png"), np.full((8, 12), 77, np.uint8))
    failed = reasons_of_failed_rows()
    assert set(failed) == {"source-only", "shift", "oracle"}
    assert "target/val/labels/a.png: label id 77 is not in the mapping; map it to a class" in failed["oracle"]


def test_an_empty_split_is_named_with_its_folder():
    folder = SOURCE.absolute() / "images"
    shutil.rmtree(folder)
    folder.mkdir()
    assert error_of(*RUN).startswith(f"scenario 'mine', source: split 'train' is empty: no image in {folder}; put some")


@pytest.mark.parametrize(("results", "reason"), [("file", "is a file"), ("file/inside", "Not a directory")])
def test_results_that_cannot_be_written_are_told_before_anything_runs(results, reason):
    Path("file").touch()
    assert reason in error_of(*RUN, "--results", results)


def test_a_truncated_record_is_told_leaves_the_other_rows_and_comes_back_without_work():
    bench(*RUN)
    record = next(Path("results/records").glob("mine.shift.*.json"))
    whole = record.read_bytes()
    record.write_bytes(whole[:300])
    outcome = bench("leaderboard", "--format", "json")
    assert outcome.exit_code == 2
    assert set(rows(outcome)) == {"source-only", "oracle"}
    assert outcome.stderr.startswith(f"Warning: {record}: expected a record, but it cannot be read (")
    assert outcome.stderr.endswith("; run its matrix again to have it back, or delete the file\n")
    again = bench(*RUN)
    assert again.exit_code == 0
    assert again.stderr.startswith("cells 3, stages to run 0")
    assert json.loads(record.read_bytes())["metrics"] == json.loads(whole)["metrics"]


ARGUMENTS = {
    "--segmenters nearst": "segmenter 'nearst' is not known. Did you mean 'nearest'?",
    "--metrics acuracy": "metric 'acuracy' is not known. Did you mean 'accuracy'?",
    "--scenario mien": "scenario 'mien' is not known. Did you mean 'mine'?",
    "--scenario mien.toml": "mien.toml: expected a TOML file, but it cannot be read (No such file or directory)",
    "--budget tinny": "configs/budgets holds no 'tinny'. Did you mean 'tiny'?",
    "--executor slurm": "executor 'slurm' is not known.",
    "--seeds 0,x": "expected whole numbers joined by commas, each once, as in 0,1,2, but got '0,x'",
    "--seeds 0,0": "each once, as in 0,1,2, but got '0,0'",
    "--seeds 99999999999": "--seeds.0: must be less than 4294967296, but is 99999999999",
    "--timeout soon": "expected a length of time as in 90s, 15m or 2h, but got 'soon'",
    "--device gpu": "'gpu' is not one of 'auto', 'cpu', 'cuda'.",
    "--slots 2": "--set executor.slots: executor 'inline' has no option 'slots'. Its options: none",
    "--slots 0": "0 is not in the range x>=1.",
    "--transltors shift": "'--transltors' is no option of this command. Did you mean '--translators'?",
    "--set translator.steps=two": "expected a TOML value, but 'two' is none; text must be quoted",
    "--set translator.steps='two'": "--set translator.steps: must be a whole number, but is 'two'",
    "--set translator.shift=3": "--set translator.shift: expected an option, as in --set translator.OPTION",
    "--set scenario.size=[0,12]": "--set scenario.size.0: must be greater than 0, but is 0",
    "--set seed=1": "--set seed: unknown option. Did you mean 'seeds'?",
    "--fid-weights nowhere.pth": "File 'nowhere.pth' does not exist.",
    "--segmenters mmseg --set segmenter.config='pspnet_r5'": "segmenter.config: pspnet_r5: neither a file nor the name",
    "--translators cyclegan --set translator.lambda_cycle=-1": "must be greater than or equal to 0, but is -1",
    "--translators outdated": "cannot be used: written for contract version 0, but this bench has version 1",
    "--translators not-there": "toys.py:Nowhere failed: AttributeError: module",
    "--scenario roads": "scenario 'roads', source: data folder 'roads/sim' not found; looked at",
}


@pytest.mark.parametrize("arguments", ARGUMENTS)
def test_a_wrong_argument_is_one_line(arguments, monkeypatch):
    monkeypatch.delenv("BENCH_DATA", raising=False)
    assert ARGUMENTS[arguments] in error_of(*RUN, *arguments.split())


def test_an_override_nested_without_end_is_one_line():
    value = "[" * 9000 + "]" * 9000
    assert "expected a TOML value" in error_of(*RUN, "--set", f"translator.factor={value}")


COMMANDS = {
    "matrx": "'matrx' is no command of bench. Did you mean 'matrix'?",
    "matrix nowhere.toml": "nowhere.toml: expected a TOML file, but it cannot be read (No such file or directory)",
    "matrix nowhere": "configs/matrices holds no 'nowhere'.",
    "run --translator shift": "Missing option '--segmenter'.  (bench run --help)",
    "leaderboard --results nowhere": "nowhere: no such results folder; run `bench matrix`",
    "status --results nowhere": "nowhere: no such results folder; run `bench matrix`",
    "plugins info cyclegn": "plugin 'cyclegn' is not known. Did you mean 'cyclegan'?",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_command_is_one_line(command):
    outcome = CliRunner().invoke(main, command.split(), prog_name="bench", catch_exceptions=False)
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert COMMANDS[command] in outcome.stderr
    assert outcome.stderr.count("\n") == 1


SCENARIO_EDITS = {
    ("size = [8, 12]", "size = [8, 12"): "configs/scenarios/mine.toml: not valid TOML: Unclosed array",
    ("size = [8, 12]", f"size = {'[' * 9000}8{']' * 9000}"): "mine.toml: its lists or tables stand too deep in each",
    ("size = [8, 12]", "size = 8"): "configs/scenarios/mine.toml: size: must be a list, but is 8",
    ("size = [8, 12]", "sise = [8, 12]"): "sise: unknown option. Did you mean 'size'?",
    ('"folder"', '"foldr"'): "dataset 'foldr' is not known. Did you mean 'folder'?",
    ("root =", "rooot ="): "scenario.mine.source.options.rooot: unknown option. Did you mean 'root'?",
    ("train/labels", "train/lables"): "data/source/train/lables not found; mend `images` or `labels`",
    ("val =", "test ="): "scenario 'mine', source: split 'val' is not among `splits` (train, test)",
    ('7 = "road"', 'seven = "road"'): "mapping: expected a native id such as '7', or '*' for all others",
    ('"sky", "car"]', '"sky", "bus"]'): "'car', which is no class",
    ('["road", "sky", "car"]', '["car", "sky", "road"]'): "must have the same classes, but they differ in their order",
    ('["road", "sky", "car"]', '["road", "sky", "car", "bus"]'): "the same classes, but they differ in bus",
    ('["road", "sky", "car"]', '["road", "sky", "car", "car"]'): "classes: 'car' stands there twice",
}


@pytest.mark.parametrize("change", SCENARIO_EDITS, ids=lambda change: change[1][:60])
def test_a_mistake_in_a_scenario_is_one_line(change):
    edit("configs/scenarios/mine.toml", *change)
    assert SCENARIO_EDITS[change] in error_of(*RUN)


SHIFT = '{ name = "shift", entry = "toys.py:Shift", trains = false }'
REGISTRY_EDITS = {
    '{ name = "shift", entry = "toys.py:Shift", vrsion = "2" }': "vrsion: unknown option. Did you mean 'version'?",
    '{ name = "shift" }': "registry.toml: translator.0.entry: is missing",
    '{ name = "shift", entry = "toys.py:Shft" }': "importing {here}/toys.py:Shft failed: AttributeError: module",
    '{ name = "shift", entry = "tyos.py:Shift" }': "tyos.py:Shift failed: FileNotFoundError",
    '{ name = "shift", entry = "toys:Shift:" }': "cannot be used: entry must read 'module:attribute'",
    '{ name = "shift", entry = "toys.py:Nearest" }': "toys.py:Nearest to be a class derived from Translator",
    SHIFT[:-1]: "registry.toml: not valid TOML: ",
}


@pytest.mark.parametrize("entry", REGISTRY_EDITS)
def test_a_mistake_in_the_projects_registry_is_one_line(entry):
    edit("registry.toml", SHIFT, entry)
    assert REGISTRY_EDITS[entry].replace("{here}", str(Path.cwd())) in error_of(*RUN)


def test_a_gpu_that_is_not_there_is_told_before_anything_runs(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    outcome = bench("matrix", "mine.toml", "--budget", "tiny", "--device", "cuda")
    assert outcome.exit_code == 2
    plan, line = outcome.stderr.splitlines()
    assert plan == "cells 3, stages to run 14, cached 0"
    assert line == "Error: device: cuda was asked for, but no GPU is visible; ask for auto or cpu  (bench doctor)"
    assert not Path("results/records").exists()


def test_images_too_small_for_a_discriminator_fail_that_row_alone():
    layers = ("--set", "translator.discriminator_layers=3")
    failed = reasons_of_failed_rows("--translators", "cyclegan", *layers)
    assert set(failed) == {"cyclegan"}
    assert failed["cyclegan"].startswith("invalid: the discriminators need images of at least 24 x 24 pixels")


def test_damaged_weights_of_fid_leave_its_column_empty_with_the_reason():
    Path("damaged.pth").write_bytes(b"garbage")
    outcome = bench(*RUN, "--metrics", "inception", "--fid-weights", "damaged.pth")
    assert outcome.exit_code == 0
    fid = rows(outcome)["shift"]["fid"]
    assert fid["mean"] is None
    assert fid["reason"].endswith("damaged.pth cannot be read as a state dict; fetch it again")


def test_pictures_that_cannot_be_written_do_not_hide_the_leaderboard():
    write(Path("results/pictures"), "in the way")
    outcome = bench(*RUN)
    assert outcome.exit_code == 2
    assert {row["status"] for row in rows(outcome).values()} == {"complete"}
    assert outcome.stderr.endswith("make room for it, or choose another --results folder\n")


@pytest.mark.parametrize("segmenters", ["5", '[{ name = "deeplabv3", alias = [] }]'])
def test_a_malformed_list_beside_a_auxiliary_segmenter_is_told(segmenters):
    Path("my.toml").write_text(
        f'scenarios = ["streets"]\ntranslators = ["reinhard"]\nsegmenters = {segmenters}\nreader = "deeplabv3"\n'
    )
    outcome = bench("matrix", "my.toml", "--dry-run")
    assert outcome.exit_code == 2
    assert "my.toml: segmenters" in outcome.stderr
    assert "Traceback" not in outcome.stderr
