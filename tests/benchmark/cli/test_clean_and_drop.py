"""`bench clean` removes what no record needs, `bench drop` what only some rows need, and neither anything else."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from benchmark.cli import main
from benchmark.execution.driver import execute
from benchmark.execution.inline import InlineExecutor
from benchmark.plan.planner import make_plan
from benchmark.results.records import read_records
from benchmark.store.store import Store


@pytest.fixture
def run(toys, store, new_diary):
    def run_matrix(matrix):
        diary = new_diary()
        execute(make_plan(matrix, toys), store, InlineExecutor(), toys, listener=diary)
        return diary

    return run_matrix


def bench(store, command, *arguments, **how):
    return CliRunner().invoke(main, [command, *arguments, "--results", str(store.results)], **how)


def files(store):
    return {path for path in store.results.rglob("*") if path.is_file() and path.name != ".drivers.lock"}


def test_a_folder_whose_records_need_everything_is_clean(run, matrix_of, store):
    run(matrix_of("shift"))
    before = files(store)
    assert bench(store, "clean", "--yes").stdout == "Nothing to remove.\n"
    assert files(store) == before


@pytest.fixture
def littered(run, matrix_of, store):
    """Results of two rows; one row has lost its record, and there is litter of every kind."""
    run(matrix_of("shift"))
    before = files(store)
    run(matrix_of("shift", "twofold"))
    next((store.results / "records").glob("*twofold*")).unlink()
    (store.results / "records" / ".a.json.1.partial").touch()
    finished = next(path for path in (store.results / "stages" / "translate").iterdir())
    (finished.parent / f".{finished.name}.removed").mkdir()
    (finished.parent / f".{finished.name}.removed" / "images.npy").write_bytes(bytes(10))
    (finished.parent / "gone.work").mkdir()
    (finished.parent / "gone.work" / "stage.log").write_text("old")
    store.record_failure("gone", "failed", "old")
    return before


def test_without_yes_it_only_says_what_would_go(littered, store):
    before = files(store)
    outcome = bench(store, "clean")
    assert outcome.exit_code == 0
    assert "stages/translate/gone.work  (stage that no record refers to)" in outcome.stdout
    assert "failures/gone.json  (failure of a stage that is not known)" in outcome.stdout
    assert "--yes removes these" in outcome.stdout
    assert files(store) == before


def test_with_yes_all_goes_that_no_record_needs_and_nothing_else(littered, store, run, matrix_of):
    assert bench(store, "clean", "--yes").exit_code == 0
    assert files(store) == littered
    assert run(matrix_of("shift")).started == []


def test_a_stage_in_work_is_kept_with_what_it_reads(run, matrix_of, store, toys):
    run(matrix_of("shift"))
    fit = next(stage for stage in make_plan(matrix_of("shift"), toys).stages.values() if stage.kind == "translate")
    for record in (store.results / "records").iterdir():
        record.unlink()
    with store.stage(fit.kind, fit.key).lock():
        listed = bench(store, "clean").stdout
    for key in (fit.key, *fit.inputs.values()):
        assert key not in listed


def test_nothing_goes_while_a_record_cannot_be_read(littered, store):
    (store.results / "records" / "broken.json").write_text("{")
    outcome = bench(store, "clean", "--yes")
    assert outcome.exit_code == 2
    assert "nothing is removed" in outcome.output


def test_nothing_goes_while_a_matrix_runs(littered, store):
    code = "import sys; from pathlib import Path; from benchmark.store.store import Store\n"
    code += "with Store(Path(sys.argv[1])).hold(): print('runs', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(store.results)]
    before = files(store)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        other.stdout.readline()
        outcome = bench(store, "clean", "--yes")
        other.stdin.close()
    assert outcome.exit_code == 2
    assert "another bench works in this folder" in outcome.output
    assert files(store) == before


def test_a_dropped_row_takes_what_only_it_needs(run, matrix_of, store):
    run(matrix_of("shift"))
    before = files(store)
    run(matrix_of("shift", "twofold"))
    outcome = bench(store, "drop", "twofold", "--yes")
    assert outcome.exit_code == 0, outcome.output
    assert files(store) == before


def test_a_pair_a_scenario_and_a_seed_narrow_what_is_dropped(run, matrix_of, store):
    run(matrix_of("shift", segmenters=("nearest", "overconfident"), seeds=(0, 1)))
    assert bench(store, "drop", "shift x nearest", "--seed", "1", "--scenario", "dusk", "--yes").exit_code == 0
    rows = {(record["translator"], record["segmenter"], record["seed"]) for record in read_records(store.results)[0]}
    assert ("shift", "nearest", 1) not in rows
    assert {("shift", "nearest", 0), ("shift", "overconfident", 1), ("source-only", "nearest", 1)} <= rows


def test_pictures_of_a_dropped_row_go_and_others_stay(run, matrix_of, store):
    from benchmark.report.figures.gallery import keep_pictures

    run(matrix_of("shift", "twofold"))
    pictures = {store.results / path for path in keep_pictures(store.results, read_records(store.results)[0])}
    bench(store, "drop", "twofold", "--yes")
    gone = {path for path in pictures if not path.exists()}
    assert gone
    assert all("twofold" in path.name for path in gone)
    assert any("shift" in path.name for path in pictures - gone)


def test_it_asks_before_it_drops(run, matrix_of, store):
    run(matrix_of("shift"))
    before = files(store)
    assert bench(store, "drop", "shift", input="n\n").exit_code == 1
    assert files(store) == before
    assert bench(store, "drop", "shift", input="y\n").exit_code == 0
    assert files(store) < before


@pytest.mark.parametrize(("row", "told"), [("shft", "Did you mean 'shift'?"), ("a b c", "expected a translator")])
def test_a_row_that_is_not_there_is_one_line(run, matrix_of, store, row, told):
    run(matrix_of("shift"))
    outcome = bench(store, "drop", row, "--yes")
    assert outcome.exit_code == 2
    assert told in outcome.output


@pytest.mark.parametrize("command", ["clean", "drop"])
def test_a_results_folder_that_is_not_there_is_one_line(tmp_path, command):
    arguments = ["row"] if command == "drop" else []
    outcome = bench(Store(tmp_path / "nowhere"), command, *arguments)
    assert outcome.exit_code == 2
    assert "no such results folder" in outcome.output
