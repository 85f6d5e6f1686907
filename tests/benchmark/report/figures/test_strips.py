"""Strips become sheets under the names that are stored in them, old ones under those that their places had."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from benchmark import StageContext
from benchmark.report.figures.contact_sheet import GAP, PANEL_WIDTH
from benchmark.report.figures.strips import sample_sheet, strip_sheet


@pytest.fixture
def written(monkeypatch):
    """All that is written on a sheet."""
    words = []
    plain = ImageDraw.ImageDraw.text

    def noting(self, place, text, *arguments, **options):
        words.append(text)
        return plain(self, place, text, *arguments, **options)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", noting)
    return words


def keep(folder, file, *columns):
    grid = torch.cat([torch.full((3, 8, 16), shade) for shade in torch.linspace(0, 1, len(columns))], dim=2)
    return StageContext(folder).images(file, grid, columns=columns)


def test_the_names_of_the_panels_are_the_headers(tmp_path, written):
    for number in range(2):
        keep(tmp_path, f"variants-{number}", "source", "variant 0", "variant 1", "variant 2")
    keep(tmp_path, "translation-0", "source", "translated")
    contact_sheet = strip_sheet(tmp_path, "variants", 16, "a title")
    assert written == ["a title", "source", "variant 0", "variant 1", "variant 2"]
    assert contact_sheet.width == 4 * (PANEL_WIDTH + GAP) + GAP


def test_strips_from_before_panels_had_names_go_by_their_places(tmp_path, written):
    Image.fromarray(np.zeros((8, 48, 3), np.uint8)).save(keep(tmp_path, "translation-0", "a"))
    strip_sheet(tmp_path, "translation", 16, "")
    assert [word for word in written if word] == ["source", "translated", "cycled"]


def test_the_last_samples_of_a_training_are_shown_with_their_step(tmp_path, written):
    for step, shade in (("20", 0.1), ("100", 0.9), ("last", 0.5)):
        StageContext(tmp_path).images(f"step_{step}", torch.full((3, 30, 50), shade))
    pixels = np.asarray(sample_sheet(tmp_path, "a title"))
    assert "samples after 100 steps of training" in written
    assert (pixels == round(0.9 * 255)).all(-1).sum() >= 30 * 50


def test_what_was_not_kept_has_no_sheet(tmp_path):
    with pytest.raises(FileNotFoundError):
        strip_sheet(tmp_path, "variants", 16, "")
    with pytest.raises(FileNotFoundError):
        sample_sheet(tmp_path, "")
