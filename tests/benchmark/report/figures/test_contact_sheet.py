"""Sheets show every picture whole, under its header, in the colours of the classes."""

import numpy as np
import pytest
from PIL import ImageDraw

from benchmark import ClassSet
from benchmark.report.figures import contact_sheet as drawing
from benchmark.report.figures.contact_sheet import GAP, PANEL_WIDTH, contact_sheet, paint

CLASSES = ClassSet(("road", "sky"), ((128, 64, 128), (70, 130, 180)))


def test_labels_take_the_colours_of_their_classes_and_ignored_pixels_are_black():
    labels = np.array([[0, 1], [255, 7]], np.uint8)
    assert paint(labels, CLASSES).tolist() == [[[128, 64, 128], [70, 130, 180]], [[0, 0, 0], [0, 0, 0]]]


def test_a_sheet_holds_each_picture_enlarged_by_a_whole_factor():
    pictures = [np.full((8, 16, 3), shade, np.uint8) for shade in (10, 60, 110, 160, 210, 250)]
    pixels = np.asarray(contact_sheet(["a", "b", "c"], [pictures[:3], pictures[3:]]))
    factor = PANEL_WIDTH // 16
    for picture in pictures:
        assert (pixels == picture[0, 0]).all(-1).sum() >= 8 * 16 * factor**2
    assert pixels.shape[1] == 3 * (PANEL_WIDTH + GAP) + GAP


def test_a_large_picture_is_not_shrunk():
    pixels = np.asarray(contact_sheet(["a"], [[np.full((20, 900, 3), 9, np.uint8)]]))
    assert (pixels == 9).all(-1).sum() == 20 * 900


def test_the_legend_names_every_class_and_breaks_into_lines(monkeypatch):
    written = []
    plain = ImageDraw.ImageDraw.text

    def noting(self, place, text, *arguments, **options):
        written.append((place, text))
        return plain(self, place, text, *arguments, **options)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", noting)
    many = ClassSet(tuple(f"class number {n}" for n in range(9)), tuple((n, n, n) for n in range(9)))
    paper = contact_sheet(["image"], [[np.zeros((8, 16, 3), np.uint8)]], classes=many)
    entries = {text: place for place, text in written}
    assert {*many.names, "ignored", "image"} <= set(entries)
    assert len({top for _, top in entries.values()}) > 2
    assert all(left < paper.width and top < paper.height for left, top in entries.values())


@pytest.mark.parametrize("text", ["short", "a header that is far too long for the narrow column it stands above" * 3])
def test_headers_stay_within_their_column(text, monkeypatch):
    widths = []
    plain = ImageDraw.ImageDraw.text

    def noting(self, place, shown, *arguments, **options):
        widths.append(self.textlength(shown, drawing._font()))
        return plain(self, place, shown, *arguments, **options)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", noting)
    contact_sheet([text], [[np.zeros((8, 16, 3), np.uint8)]])
    assert max(widths) <= PANEL_WIDTH


def test_many_columns_stand_in_bands_that_repeat_the_leading_ones():
    shades = [10, 20, *range(100, 200, 10)]
    pictures = [np.full((8, 16, 3), shade, np.uint8) for shade in shades]
    headers = [str(shade) for shade in shades]
    paper = contact_sheet(headers, [pictures], "title", CLASSES, fixed=2)
    assert paper.width == 7 * (PANEL_WIDTH + GAP) + GAP
    pixels, area = np.asarray(paper), 8 * 16 * (PANEL_WIDTH // 16) ** 2
    shown = {shade: (pixels == shade).all(-1).sum() // area for shade in shades}
    assert shown == {10: 2, 20: 2} | dict.fromkeys(range(100, 200, 10), 1)
