"""Evidence is run by its priorities, goes on where it stopped, and is brought back."""

import json
import tarfile
from pathlib import Path

import pytest

from benchmark.registry.registry import load_registry
from benchmark.results.records import read_record
from perf.gpu import evidence
from perf.gpu.call import Deadline
from perf.gpu.evidence import Part

ROOT = Path(__file__).parents[2]
REGISTRY = load_registry(ROOT)
FOLDS = [f"roads-fold-{name}" for name in ("0001TP", "0006R0", "0016E5")]
PRIORITIES = """
[[matrix]]
name = "roads-folds"
seeds = [0, 1]

[[matrix]]
name = "demo"
seeds = [0]
"""


@pytest.fixture
def priorities(tmp_path):
    (tmp_path / "priorities.toml").write_text(PRIORITIES)
    return tmp_path / "priorities.toml"


def record_of(results, cell, status="done"):
    """A record with the fields that matter here."""
    (results / "records").mkdir(parents=True, exist_ok=True)
    published = next((ROOT / "results" / "roads" / "records").glob("*.json"))
    record, _ = read_record(published)  # brought to the schema of today
    fields = {"scenario": cell.scenario, "translator": cell.translator, "segmenter": cell.segmenter}
    fields |= {"seed": cell.seed, "budget": {"name": "some", "digest": cell.budget}, "status": status}
    (results / "records" / f"{'-'.join(map(str, cell))}.json").write_text(json.dumps({**record, **fields}))


def test_every_scenario_of_a_matrix_comes_at_one_seed_before_the_next_seed(priorities):
    expected = [Part("roads-folds", fold, seed) for seed in (0, 1) for fold in FOLDS]
    assert evidence.parts(priorities, REGISTRY) == [*expected, Part("demo", "streets", 0)]


def test_the_shipped_priorities_and_the_budget_fit_the_matrices():
    for part in evidence.parts(evidence.PRIORITIES, REGISTRY):
        assert evidence.cells(part, str(evidence.BUDGET), REGISTRY)


def test_a_part_has_the_controls_among_its_rows():
    found = evidence.cells(Part("demo", "streets", 3), "smoke", REGISTRY)
    assert {cell.translator for cell in found} == {"source-only", "reinhard", "cyclegan", "oracle"}
    assert {(cell.scenario, cell.segmenter, cell.seed) for cell in found} == {("streets", "deeplabv3", 3)}


def test_only_rows_of_the_same_budget_that_are_settled_count(tmp_path):
    cells = evidence.cells(Part("demo", "streets", 0), "smoke", REGISTRY)
    for cell in cells:
        record_of(tmp_path, cell, status="failed" if cell.translator == "oracle" else "done")
    assert {cell.translator for cell in cells - evidence.settled_cells(tmp_path)} == {"oracle"}
    assert not evidence.cells(Part("demo", "streets", 0), "cpu", REGISTRY) & evidence.settled_cells(tmp_path)


class Run:
    """Stands for the commands: each settles its scenario, until time is up."""

    def __init__(self, reach):
        self.reach, self.scenarios = reach, []

    def __call__(self, command, log, deadline):
        scenario = command[command.index("--scenario") + 1]
        seed = int(command[command.index("--seeds") + 1])
        if len(self.scenarios) == self.reach:
            return "out of time"
        self.scenarios.append((scenario, seed))
        results = Path(command[command.index("--results") + 1])
        for cell in evidence.cells(Part(command[4], scenario, seed), str(evidence.BUDGET), REGISTRY):
            record_of(results, cell._replace(scenario=scenario))
        return "passed"


def test_a_second_call_goes_on_where_the_first_was_out_of_time(tmp_path, priorities, monkeypatch):
    options = ["--priorities", str(priorities), "--results", str(tmp_path / "results"), "--out", str(tmp_path / "out")]
    first, second = Run(reach=2), Run(reach=9)
    monkeypatch.setattr(evidence, "run_command", first)
    assert evidence.main(options) == 0
    assert first.scenarios == [(FOLDS[0], 0), (FOLDS[1], 0)]
    monkeypatch.setattr(evidence, "run_command", second)
    assert evidence.main(options) == 0
    assert second.scenarios[0] == (FOLDS[2], 0)
    state = json.loads((tmp_path / "out" / "evidence.json").read_text())
    assert [part["status"] for part in state[:3]] == ["there already", "there already", "passed"]


def test_records_brought_back_earlier_are_gone_on_from_on_a_new_machine(tmp_path, priorities, monkeypatch):
    options = ["--priorities", str(priorities), "--out", str(tmp_path / "out")]
    monkeypatch.setattr(evidence, "run_command", Run(reach=1))
    evidence.main([*options, "--results", str(tmp_path / "first")])
    with tarfile.open(tmp_path / "out" / "evidence.tar.gz") as archive:
        archive.extractall(tmp_path / "brought", filter="data")
    again = Run(reach=1)
    monkeypatch.setattr(evidence, "run_command", again)
    evidence.main([*options, "--results", str(tmp_path / "second"), "--records", str(tmp_path / "brought/records")])
    assert again.scenarios == [(FOLDS[1], 0)]


def test_no_scenario_is_begun_when_little_time_is_left(tmp_path, priorities, monkeypatch):
    run = Run(reach=9)
    monkeypatch.setattr(evidence, "run_command", run)
    monkeypatch.setattr(Deadline, "allows", lambda deadline, seconds: len(run.scenarios) < 1)
    options = ["--priorities", str(priorities), "--results", str(tmp_path / "results"), "--out", str(tmp_path / "out")]
    assert evidence.main(options) == 0
    assert run.scenarios == [(FOLDS[0], 0)]
