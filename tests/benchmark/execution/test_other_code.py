"""Results of other code than today's are not taken for today's."""

import shutil
import sys
from pathlib import Path

import pytest

from benchmark.execution.driver import execute
from benchmark.execution.inline import InlineExecutor
from benchmark.execution.provenance import git_revision
from benchmark.plan.planner import make_plan
from benchmark.registry.registry import load_registry

TOYS = Path(__file__).parents[2] / "toys"
TINT = """
from toys import Shift
from {helper} import AMOUNT

class Tint(Shift):
    def translate(self, images, variant=0):
        return (images * AMOUNT).clamp(0, 1)
"""
ENTRY = """translator = [
    {{ name = "tint", entry = "{entry}:Tint" }},
"""


@pytest.fixture
def project_with_tint(tmp_path, monkeypatch):
    """Makes a project of the toys and a translator `tint`, in a file or in a package."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    known = set(sys.modules)

    def make(name, amount=0.5, package=False):
        folder = tmp_path / name
        shutil.copytree(TOYS, folder, ignore=shutil.ignore_patterns("__pycache__"))
        entry = f"{name}_tint.tint" if package else "tint.py"
        place = folder / f"{name}_tint" if package else folder
        place.mkdir(exist_ok=True)
        (place / "__init__.py").touch() if package else None
        helper = f"{name}_amount"
        (place / "tint.py").write_text(TINT.format(helper=f"{name}_tint.{helper}" if package else helper))
        (place / f"{helper}.py").write_text(f"AMOUNT = {amount}\n")
        registry = (folder / "registry.toml").read_text()
        (folder / "registry.toml").write_text(registry.replace("translator = [\n", ENTRY.format(entry=entry), 1))
        return folder

    yield make
    for name in set(sys.modules) - known:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", None)):
            del sys.modules[name]


def forget_modules(folder):
    """As a new process would not know them."""
    for name in list(sys.modules):
        if str(folder) in str(getattr(sys.modules[name], "__file__", None)):
            del sys.modules[name]


@pytest.fixture
def run_project(store, new_diary, matrix_of, choose):
    def run(folder, **how):
        forget_modules(folder)
        registry = load_registry(folder)
        matrix = matrix_of("tint")
        diary = new_diary()
        execute(make_plan(matrix, registry), store, InlineExecutor(), registry, listener=diary, **how)
        return diary

    return run


@pytest.fixture
def choose(choose):
    """Options of `tint` are those of `shift`."""

    def choice(kind, text, **options):
        if text != "tint":
            return choose(kind, text, **options)
        plain = choose(kind, "shift", **options)
        return type(plain)(kind, "tint", "tint", "1", plain.options, plain.runtime_options)

    return choice


def difference(diary):
    return diary.records["tint", "nearest", 0]["metrics"]["difference"]


def test_an_edit_of_a_module_that_a_plugin_file_imports_trains_it_anew(project_with_tint, run_project):
    folder = project_with_tint("one")
    first = run_project(folder)
    (folder / "one_amount.py").write_text("AMOUNT = 0.25\n")
    second = run_project(folder)
    assert ("translate", "tint") in second.started
    assert ("prepare", "dots") not in second.started
    assert difference(second) != difference(first)


def test_two_projects_with_a_plugin_of_one_name_share_no_numbers(project_with_tint, run_project):
    one = run_project(project_with_tint("one", amount=0.5))
    two = run_project(project_with_tint("two", amount=0.25))
    assert ("fit-translator", "tint") in two.started
    assert difference(one) != difference(two)
    cells = [diary.records["tint", "nearest", 0]["cell"] for diary in (one, two)]
    assert cells[0] != cells[1]


def test_an_edited_package_is_announced_and_its_results_are_kept_unless_asked(project_with_tint, run_project, store):
    folder = project_with_tint("one", package=True)
    first = run_project(folder)
    assert first.other_code == {}
    (folder / "one_tint/one_amount.py").write_text("AMOUNT = 0.25\n")
    kept = run_project(folder)
    assert kept.started == []
    assert set(kept.other_code.values()) == {("one_tint",)}
    assert len(kept.other_code) == 2
    again = run_project(folder, reuse="same-code")
    assert {("fit-translator", "tint"), ("translate", "tint"), ("fit-segmenter", "nearest")} <= set(again.started)
    assert ("prepare", "dots") not in again.started
    assert len(again.started) == 6
    assert difference(again) != difference(first)
    assert run_project(folder).other_code == {}


def test_a_plugin_that_failed_is_tried_again_once_its_package_is_edited(project_with_tint, run_project):
    folder = project_with_tint("one", amount="'none'", package=True)
    assert run_project(folder).failed
    assert run_project(folder).started == []
    (folder / "one_tint/one_amount.py").write_text("AMOUNT = 0.25\n")
    mended = run_project(folder)
    assert mended.failed == []
    assert mended.records["tint", "nearest", 0]["status"] == "done"


def test_a_file_that_changes_between_plan_and_stage_is_not_run_under_the_old_key(
    project_with_tint, matrix_of, store, diary
):
    folder = project_with_tint("one")
    registry = load_registry(folder)
    plan = make_plan(matrix_of("tint"), registry)
    (folder / "one_amount.py").write_text("AMOUNT = 0.25\n")
    execute(plan, store, InlineExecutor(), registry, listener=diary)
    record = diary.records["tint", "nearest", 0]
    assert record["status"] == "invalid"
    assert "its files have changed since this run was planned" in record["reason"]


def test_each_stage_notes_what_made_it(toys, store, matrix_of):
    plan = make_plan(matrix_of("shift"), toys)
    execute(plan, store, InlineExecutor(), toys)
    fit = next(stage for stage in plan.stages.values() if stage.kind == "fit-translator")
    noted = store.stage(fit.kind, fit.key).result()["provenance"]
    assert set(noted) == {
        *("bench", "git", "dirty", "python", "torch", "platform", "cpu", "gpu"),
        *("threads", "device", "precision", "code"),
    }
    assert (noted["threads"], noted["device"], noted["precision"], noted["gpu"]) == (1, "cpu", "fp32", None)
    assert noted["code"] == fit.code
    assert "benchmark" in noted["code"]


def test_a_folder_that_is_no_checkout_has_no_revision(tmp_path):
    assert git_revision(tmp_path) == (None, None)
