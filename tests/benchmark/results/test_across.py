"""Mean ranks over boards, their test and their critical difference are those of a published example."""

import csv
import io
import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from scipy import stats as reference

from benchmark.cli import main
from benchmark.report.across import across_grid
from benchmark.report.figures.rank_diagram import draw_rank_diagram
from benchmark.results.across import across_boards, alike_groups, critical_difference, friedman_p, mean_ranks
from benchmark.results.leaderboard import boards

# Demsar 2006, table 6: AUC of C4.5 with and without two parameters, on 14 data sets
NAMES = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")
AUC = {
    "adult": (0.763, 0.768, 0.771, 0.798),
    "breast cancer": (0.599, 0.591, 0.590, 0.569),
    "breast cancer wisconsin": (0.954, 0.971, 0.968, 0.967),
    "cmc": (0.628, 0.661, 0.654, 0.657),
    "ionosphere": (0.882, 0.888, 0.886, 0.898),
    "iris": (0.936, 0.931, 0.916, 0.931),
    "liver disorders": (0.661, 0.668, 0.609, 0.685),
    "lung cancer": (0.583, 0.583, 0.563, 0.625),
    "lymphography": (0.775, 0.838, 0.866, 0.875),
    "mushroom": (1.000, 1.000, 1.000, 1.000),
    "primary tumor": (0.940, 0.962, 0.965, 0.962),
    "rheum": (0.619, 0.666, 0.614, 0.669),
    "voting": (0.972, 0.981, 0.9751, 0.975),  # printed as equal, but ranked 2 and 3
    "wine": (0.957, 0.978, 0.946, 0.970),
}


@pytest.fixture
def demsar(record):
    cells = []
    for number, values in enumerate(AUC.values()):
        cells += [record(name, 0, value, scenario=f"set-{number}") for name, value in zip(NAMES, values, strict=True)]
    return cells


def test_mean_ranks_are_those_of_the_published_example(demsar):
    found = {one.name: one.mean_rank for one in across_boards(boards(demsar)).standings}
    expected = {"C4.5": 3.143, "C4.5+m": 2.000, "C4.5+cf": 2.893, "C4.5+m+cf": 1.964}
    assert found == pytest.approx(expected, abs=5e-4)


def test_the_test_is_that_of_the_published_example(demsar):
    across = across_boards(boards(demsar))
    # Demsar reports F = 3.69 with 3 and 39 degrees of freedom, and CD = 1.25
    assert across.friedman_p == pytest.approx(reference.f.sf(3.69, 3, 39), rel=0.01)
    assert across.critical_difference == pytest.approx(1.25, abs=0.005)


@pytest.mark.parametrize(
    ("rows", "quantile"),
    [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (6, 2.850), (7, 2.949), (8, 3.031), (9, 3.102), (10, 3.164)],
)
def test_the_critical_values_are_those_of_the_published_table(rows, quantile):
    # Demsar 2006, table 5(a), q for 0.05
    boards_of_unit_error = rows * (rows + 1) / 6
    assert critical_difference(rows, boards_of_unit_error) == pytest.approx(quantile, abs=1e-3)


def test_the_test_agrees_with_scipy_where_no_ranks_are_shared():
    values = np.random.default_rng(0).normal(0, 1, (12, 5)) + np.arange(5) * 0.5
    ranks = reference.rankdata(-values, axis=1).mean(axis=0)
    chi_square = reference.friedmanchisquare(*values.T).statistic
    f = 11 * chi_square / (12 * 4 - chi_square)
    assert friedman_p(ranks.tolist(), 12) == pytest.approx(reference.f.sf(f, 4, 44))


def test_boards_of_one_order_are_as_likely_by_chance_as_one_in_all_orders():
    assert friedman_p([1.0, 2.0, 3.0, 4.0], 2) == pytest.approx(1 / 24)
    assert friedman_p([1.0, 2.0, 3.0], 3) == pytest.approx(1 / 36)


def test_equal_values_share_the_mean_of_their_ranks():
    assert mean_ranks({"a": 0.5, "b": 0.9, "c": 0.5, "d": 0.1}) == {"a": 2.5, "b": 1.0, "c": 2.5, "d": 4.0}


def test_groups_are_the_largest_that_cannot_be_told_apart():
    assert alike_groups([1.0, 1.5, 2.2, 4.0, 4.5], 1.3) == [(0, 2), (3, 4)]
    assert alike_groups([1.0, 2.0, 3.0], 1.5) == [(0, 1), (1, 2)]
    assert alike_groups([1.0, 2.0, 3.0], 0.5) == []
    assert alike_groups([1.0, 2.0, 3.0], 5.0) == [(0, 2)]


@pytest.fixture
def two_scenarios(record):
    """Two scenarios with three rows of three seeds, told apart on the first; the second lacks fda."""
    noise = {"source-only": (0.0, 0.02, 0.01), "cyclegan": (0.0, 0.01, 0.02), "cut": (0.02, 0.0, 0.01)}
    scores = {"streets": (0.1, 0.5, 0.9), "roads": (0.3, 0.31, 0.29)}
    cells = [record("fda", seed, 0.2, scenario="streets") for seed in (0, 1, 2)]
    for scenario, values in scores.items():
        for (name, steps), value in zip(noise.items(), values, strict=True):
            cells += [record(name, seed, value + steps[seed], scenario=scenario) for seed in (0, 1, 2)]
        cells += [record("oracle", seed, 0.95, scenario=scenario) for seed in (0, 1, 2)]
    return cells


def test_wins_are_those_comparisons_that_a_board_tells_apart(two_scenarios):
    across = across_boards(boards(two_scenarios))
    counts = {one.name: (one.wins, one.ties, one.losses) for one in across.standings}
    assert counts == {"cut": (2, 2, 0), "cyclegan": (1, 2, 1), "source-only": (0, 2, 2)}


def test_the_table_says_whether_rows_differ(demsar):
    notes = across_grid(across_boards(boards(demsar))).notes
    assert "rows differ: Friedman's test (Iman & Davenport), p = 0.020" in notes
    assert "two rows are told apart by mean ranks that differ by 1.25 (Nemenyi, 5 %)" in notes


def test_rows_that_a_board_lacks_are_left_out_and_named(two_scenarios):
    across = across_boards(boards(two_scenarios))
    assert across.lacking == {"fda": ("roads x deeplabv3",)}
    assert "fda left out, not on roads x deeplabv3" in across_grid(across).notes


def test_rows_that_see_target_labels_have_no_rank(two_scenarios):
    assert "oracle" not in {one.name for one in across_boards(boards(two_scenarios)).standings}


def test_segmenters_of_one_scenario_are_boards_that_share_translations(two_scenarios, record):
    unet = [record(name, 0, 0.3, segmenter="unet", scenario="roads") for name in ("cut", "cyclegan")]
    across = across_boards(boards([*two_scenarios, *unet]))
    assert set(across.boards) == {"streets x deeplabv3", "roads x deeplabv3", "roads x unet"}
    assert any(note.startswith("the boards are of 2 scenarios") for note in across_grid(across).notes)


def test_the_diagram_is_one_picture_with_bars(demsar):
    across = across_boards(boards(demsar))
    drawn = draw_rank_diagram(across)
    assert drawn == draw_rank_diagram(across)
    picture = np.asarray(Image.open(io.BytesIO(drawn)).convert("RGB")).astype(int)
    blue = (picture[..., 2] > picture[..., 0] + 60).any(axis=0)
    # the first bar goes from rank 1.96 to 3.14, which is all rows: less than the critical difference apart
    assert across.groups() == [(0, 3)]
    assert 0.2 < blue.mean() < 0.5


@pytest.fixture
def folder(two_scenarios, tmp_path):
    records = tmp_path / "results" / "records"
    records.mkdir(parents=True)
    for number, cell in enumerate(two_scenarios):
        (records / f"{number}.json").write_text(json.dumps(cell))
    return tmp_path / "results"


def _bench(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


def test_every_format_has_the_ranks(folder):
    leaderboard = ("leaderboard", "--across", "--results", folder, "--format")
    assert "| cut | 2.00 | 2 | 2 | 0 |" in _bench(*leaderboard, "markdown").stdout
    found = json.loads(_bench(*leaderboard, "json").stdout)
    assert [one["name"] for one in found["standings"]] == ["cyclegan", "cut", "source-only"]
    rows = list(csv.DictReader(io.StringIO(_bench(*leaderboard, "csv").stdout)))
    assert (rows[0]["translator"], rows[0]["roads x deeplabv3"]) == ("cyclegan", "1.0")
    assert "mean rank" in _bench(*leaderboard, "rich").stdout


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_the_figure_has_the_format_of_its_suffix(folder, tmp_path, suffix, start):
    output = tmp_path / f"ranks.{suffix}"
    outcome = _bench("figure", "ranks", folder, "--output", output)
    assert outcome.exit_code == 0, outcome.output
    assert output.read_bytes().startswith(start)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--scenario", "roads"], "take two scenarios or segmenters, but there is roads x deeplabv3 alone"),
        (["--scenario", "rods"], "no records of scenario 'rods'"),
    ],
)
def test_too_few_boards_are_one_line(folder, arguments, expected):
    outcome = _bench("leaderboard", "--across", "--results", folder, *arguments)
    assert outcome.exit_code == 2
    assert expected in outcome.stderr


def test_boards_without_common_rows_are_one_line(record, tmp_path):
    records = tmp_path / "records"
    records.mkdir()
    for name, scenario in (("cut", "roads"), ("fda", "streets")):
        (records / f"{name}.json").write_text(json.dumps(record(name, 0, 0.5, scenario=scenario)))
    outcome = _bench("leaderboard", "--across", "--results", tmp_path)
    assert outcome.exit_code == 2
    assert "no two translators are on all of" in outcome.stderr
