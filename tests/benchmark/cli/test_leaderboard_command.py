"""`bench leaderboard` prints every format, says what it leaves out, and survives damaged records."""

import csv
import io
import json

import pytest
from click.testing import CliRunner

from benchmark.api.hookspecs import hookimpl
from benchmark.cli import main
from benchmark.registry.registry import load_registry


@pytest.fixture
def results(tmp_path, monkeypatch, record):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results" / "records"
    folder.mkdir(parents=True)
    # unequal steps between seeds, so that differences of rows have a spread
    for name, miou, step in (("source-only", 0.2, 0.011), ("cyclegan", 0.5, 0.01), ("oracle", 0.8, 0.012)):
        for seed in (0, 1):
            details = {"segmentation": {"iou": {"road": miou, "sky": 0.9, "car": None}}}
            _store(folder, record(name, seed, miou + seed * step, details=details))
    return tmp_path / "results"


def _store(folder, cell):
    path = folder / f"{cell['translator']}-{cell['seed']}-{cell['budget']['name']}.json"
    path.write_text(json.dumps(cell))
    return path


def _bench(*arguments):
    return CliRunner().invoke(main, ["leaderboard", *map(str, arguments)])


def test_the_default_folder_is_results_and_the_default_format_a_table(results):
    outcome = _bench()
    assert outcome.exit_code == 0
    assert "cyclegan" in outcome.stdout
    assert "50.5 ± 6.4" in outcome.stdout


def test_the_folder_may_come_from_the_environment(results, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_RESULTS", str(results))
    monkeypatch.chdir("/")
    assert "cyclegan" in _bench().stdout


def test_json_is_the_array_of_the_contract_and_nothing_else(results):
    rows = json.loads(_bench("--format", "json").stdout)
    assert [(row["rank"], row["translator"]) for row in rows] == [(1, "oracle"), (2, "cyclegan"), (3, "source-only")]
    assert rows[1]["gap_recovered"]["mean"] == pytest.approx(0.2995 / 0.6005)


def test_csv_and_markdown_hold_the_same_rows(results):
    rows = list(csv.DictReader(io.StringIO(_bench("--format", "csv").stdout)))
    assert [row["translator"] for row in rows] == ["oracle", "cyclegan", "source-only"]
    assert "| 2 | cyclegan | 50.5 ± 6.4 |" in _bench("--format", "markdown").stdout


def test_output_goes_to_a_file(results, tmp_path):
    outcome = _bench("--output", tmp_path / "table.txt")
    assert outcome.stdout == ""
    assert "cyclegan" in (tmp_path / "table.txt").read_text()


def test_per_class_adds_a_table_of_classes(results):
    assert "IoU % by class" not in _bench().stdout
    lines = _bench("--per-class").stdout.splitlines()
    assert next(line for line in lines if line.startswith("car ")).split() == ["car", "-", "-", "-"]


def test_a_truncated_record_warns_in_one_line_and_leaves_its_row_incomplete(results):
    path = results / "records" / "cyclegan-1-cpu.json"
    path.write_text(path.read_text()[:100])
    outcome = _bench("--format", "json")
    assert outcome.exit_code == 2
    (warning,) = outcome.stderr.splitlines()
    assert warning.startswith("Warning: ")
    assert path.name in warning
    row = next(row for row in json.loads(outcome.stdout) if row["translator"] == "cyclegan")
    assert (row["rank"], row["status"], row["seeds"]) == (None, "incomplete", [0])


def test_older_protocols_are_hidden_behind_one_line(results, record):
    later = {"provenance": {"time": "2025-06-01T00:00:00Z"}}
    _store(results / "records", record("cyclegan", 0, 0.1, budget="smoke", **later))
    outcome = _bench("--format", "json")
    assert [row["budget"] for row in json.loads(outcome.stdout)] == ["smoke"]
    assert outcome.stderr.strip() == "3 rows of 1 other protocols hidden; --all shows them"
    assert len(json.loads(_bench("--format", "json", "--all").stdout)) == 4


def test_sort_orders_rows_and_keeps_ranks(results, record):
    for name, fid in (("a", 90.0), ("b", 20.0)):
        for seed in (0, 1):
            _store(results / "records", record(name, seed, metrics={"miou": 0.3, "fid": fid}))
    places = {row["translator"]: row["places"] for row in json.loads(_bench("--format", "json").stdout)}
    rows = json.loads(_bench("--format", "json", "--sort", "fid").stdout)
    assert [row["translator"] for row in rows[:2]] == ["b", "a"]
    assert {row["translator"]: row["places"] for row in rows} == places


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--sort", "miuo"], "--sort miuo: no such metric. Did you mean 'miou'?"),
        (["--scenario", "street"], "no records of scenario 'street'. Did you mean 'streets'?"),
        (["--results", "nowhere"], "nowhere: no such results folder"),
        (["--output", "no/such/folder/x.csv"], "no/such/folder/x.csv"),
    ],
)
def test_a_wrong_use_is_one_line_and_exit_code_2(results, arguments, expected):
    outcome = _bench(*arguments)
    assert outcome.exit_code == 2
    assert expected in outcome.stderr
    assert "Traceback" not in outcome.output


def test_an_empty_folder_says_what_to_do(tmp_path):
    assert "bench matrix" in _bench("--results", tmp_path).stdout
    assert json.loads(_bench("--results", tmp_path, "--format", "json").stdout) == []


class Hours:
    @hookimpl
    def bench_leaderboard_columns(self, records):
        return {"hours": sum(record["cost"]["seconds"] for record in records) / 3600}

    @hookimpl
    def bench_report_sections(self, results):
        return [("Energy", f"{results.name}: 12 kWh")]


class Faulty:
    @hookimpl
    def bench_leaderboard_columns(self, records):
        raise RuntimeError("no such meter")


@pytest.fixture
def with_hooks(monkeypatch):
    def loaded():
        registry = load_registry()
        registry.add(Hours(), "hours", "energy-meter")
        registry.add(Faulty(), "faulty", "broken-meter")
        return registry

    monkeypatch.setattr("benchmark.cli.leaderboard.load_registry", loaded)


def test_plugins_add_columns_and_sections_and_a_faulty_one_does_no_harm(results, with_hooks):
    row = json.loads(_bench("--format", "json").stdout)[0]
    assert row["columns"] == {"hours": pytest.approx(180 / 3600)}
    assert "### Energy\n\nresults: 12 kWh" in _bench("--format", "markdown").stdout


class Changing:
    @hookimpl
    def bench_leaderboard_columns(self, records):
        for record in records:
            record["metrics"]["miou"] = 0.99
            record["translator"] = "owned"
        return {}


class Malformed:
    @hookimpl
    def bench_leaderboard_columns(self, records):
        return [1, 2]

    @hookimpl
    def bench_report_sections(self, results):
        return 7


class Odd:
    @hookimpl
    def bench_leaderboard_columns(self, records):
        return {3: 1.5, "huge": 10**400, "text": "fast"}

    @hookimpl
    def bench_report_sections(self, results):
        return ["no pair", ("Fine", "text")]


@pytest.fixture
def with_plugin(monkeypatch):
    def register(plugin):
        def loaded():
            registry = load_registry()
            registry.add(plugin, "p", "d")
            return registry

        monkeypatch.setattr("benchmark.cli.leaderboard.load_registry", loaded)

    return register


def test_a_hook_that_changes_its_records_changes_no_board(results, with_plugin):
    before = _bench("--format", "json").stdout
    with_plugin(Changing())
    assert _bench("--format", "json").stdout == before


@pytest.mark.parametrize("style", ["rich", "markdown", "csv", "json"])
@pytest.mark.parametrize("plugin", [Malformed(), Odd()], ids=["malformed", "odd"])
def test_a_hook_that_returns_something_else_is_a_warning(results, with_plugin, caplog, plugin, style):
    with_plugin(plugin)
    outcome = _bench("--format", style)
    assert outcome.exit_code == 0
    assert "cyclegan" in outcome.stdout
    if isinstance(plugin, Malformed):
        assert "expected numbers by name, got [1, 2]" in caplog.text


def test_columns_that_are_no_finite_numbers_are_empty(results, with_plugin):
    with_plugin(Odd())
    assert json.loads(_bench("--format", "json").stdout)[0]["columns"] == {"3": 1.5, "huge": None, "text": None}


def test_csv_takes_classes_and_costs_when_asked_to(results):
    row = next(csv.DictReader(io.StringIO(_bench("--format", "csv", "--per-class", "--costs").stdout)))
    assert float(row["iou.road"]) == pytest.approx(0.8)
    assert "iou.road" not in next(csv.DictReader(io.StringIO(_bench("--format", "csv").stdout)))


def test_no_cell_of_a_csv_file_is_a_formula(results, record):
    bad = record("=HYPERLINK(1)", 0, status="failed", reason="@SUM(1)")
    (results / "records" / "bad.json").write_text(json.dumps(bad))
    text = _bench("--format", "csv").stdout
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert "'=HYPERLINK(1)" in cells
    assert not any(cell.startswith(("=", "@", "+")) for cell in cells)


def test_boards_of_several_folders_are_printed(tmp_path, record):
    folders = [tmp_path / "streets", tmp_path / "roads"]
    for folder in folders:
        (folder / "records").mkdir(parents=True)
        cell = record("cut", 0, 0.4, scenario=folder.name)
        (folder / "records" / "cut.json").write_text(json.dumps(cell))
    outcome = CliRunner().invoke(main, ["leaderboard", *map(str, folders), "--format", "csv"])
    assert outcome.exit_code == 0, outcome.output
    assert {row["scenario"] for row in csv.DictReader(io.StringIO(outcome.stdout))} == {"streets", "roads"}
