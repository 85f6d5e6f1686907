"""Translators x scenarios, as a table and as a picture."""

import io
import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from benchmark.cli import main
from benchmark.report.figures.heatmap import draw_heatmap, gap_grid, heatmap_table
from benchmark.results.leaderboard import boards


@pytest.fixture
def cells(record):
    """CycleGAN closes half of one gap and all of the other; FDA is worse than nothing on the second."""
    values = {
        "fog": {"source-only": 0.2, "cyclegan": 0.4, "fda": 0.3, "oracle": 0.6},
        "night": {"source-only": 0.2, "cyclegan": 0.6, "fda": 0.1, "oracle": 0.6},
    }
    return [record(row, 0, miou, scenario=name) for name, rows in values.items() for row, miou in rows.items()]


def test_the_table_has_shares_and_marks_rows_below_source_only(cells):
    table = heatmap_table(gap_grid(boards(cells)))
    assert table.headings == ("translator", "fog", "night")
    assert table.rows == (("cyclegan", "50", "100"), ("fda", "25", "-25 ▼"))
    assert table.notes


def test_source_only_with_augmentation_is_a_row_of_the_plain_gap(cells, record):
    augmented = {"family": "deeplabv3", "segmenter": "deeplabv3-augmented", "scenario": "fog"}
    cells += [record(name, 0, miou, **augmented) for name, miou in (("source-only", 0.48), ("oracle", 0.55))]
    grid = gap_grid(boards(cells))
    assert grid.rows == ("cyclegan", "source-only x deeplabv3-augmented", "fda")
    assert grid.shares["source-only x deeplabv3-augmented", "fog"] == pytest.approx(70)
    assert grid.shares["cyclegan", "fog"] == pytest.approx(50)


def test_what_was_not_measured_stays_empty(cells):
    without = [cell for cell in cells if (cell["translator"], cell["scenario"]) != ("fda", "fog")]
    assert heatmap_table(gap_grid(boards(without))).rows[1] == ("fda", "-", "-25 ▼")


def test_the_picture_is_blue_where_the_gap_is_closed_and_red_below_the_floor(cells):
    picture = np.asarray(Image.open(io.BytesIO(draw_heatmap(gap_grid(boards(cells))))).convert("RGB")).astype(int)
    excess = picture[..., 2] - picture[..., 0]
    assert excess.max() > 60
    assert excess.min() < -20


def test_one_grid_gives_one_file(cells):
    grid = gap_grid(boards(cells))
    assert draw_heatmap(grid) == draw_heatmap(grid)


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_the_command_writes_the_format_of_the_suffix(cells, tmp_path, suffix, start):
    folder = tmp_path / "results" / "records"
    folder.mkdir(parents=True)
    for number, cell in enumerate(cells):
        (folder / f"{number}.json").write_text(json.dumps(cell))
    output = tmp_path / f"map.{suffix}"
    outcome = CliRunner().invoke(main, ["figure", "heatmap", str(tmp_path / "results"), "--output", str(output)])
    assert outcome.exit_code == 0, outcome.output
    assert output.read_bytes().startswith(start)


def test_an_unknown_suffix_is_refused(tmp_path):
    (tmp_path / "records").mkdir()
    outcome = CliRunner().invoke(main, ["figure", "heatmap", str(tmp_path), "--output", "map.gif"])
    assert outcome.exit_code == 2
    assert "expected a name that ends in .png, .svg, .pdf" in outcome.output
