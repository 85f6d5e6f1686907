"""Heat lies over the grey of an image, and a cross stands on one pixel."""

import pytest
import torch

from benchmark.stages.heatmap import COLOURS, LUMA, STRENGTH, draw_crosshair, heat_colours, overlay_heatmap


def test_heat_goes_from_dark_to_light_through_its_colours():
    maps = torch.linspace(0, 1, len(COLOURS)).reshape(1, 1, 1, -1)
    assert torch.allclose(heat_colours(maps)[0, :, 0].T * 255, torch.tensor(COLOURS).float())
    luma = (heat_colours(torch.linspace(0, 1, 101).reshape(1, 1, 1, -1))[0, :, 0] * torch.tensor(LUMA)[:, None]).sum(0)
    assert (luma.diff() > 0).all()


def test_the_image_stays_to_be_seen_in_grey():
    red, blue = torch.tensor([1.0, 0, 0]), torch.tensor([0.0, 0, 1])
    images = torch.stack([red, blue], 1).reshape(1, 3, 1, 2)
    found = overlay_heatmap(images, torch.zeros(1, 1, 1, 2))[0, :, 0]
    assert (found[:, 0] - found[:, 1]).tolist() == pytest.approx([(1 - STRENGTH) * (0.299 - 0.114)] * 3, abs=1e-6)


def test_heat_keeps_to_the_range_of_images():
    found = overlay_heatmap(torch.rand(2, 3, 5, 7), torch.rand(2, 1, 5, 7))
    assert found.shape == (2, 3, 5, 7)
    assert (found.min() >= 0) and (found.max() <= 1)


def test_a_cross_is_white_with_a_dark_edge_and_its_middle_is_the_pixel():
    grey = torch.full((1, 3, 64, 96), 0.5)
    marked = draw_crosshair(grey, 20, 70)[0, 0]
    white = (marked == 1).nonzero()
    assert white.float().mean(0).tolist() == [20, 70]
    assert set(marked.unique().tolist()) == {0, 0.5, 1}
    assert marked[19, 69] == 0
    assert (grey == 0.5).all()


@pytest.mark.parametrize(("row", "column"), [(0, 0), (7, 11)])
def test_a_cross_at_the_edge_is_cut_off(row, column):
    marked = draw_crosshair(torch.zeros(1, 3, 8, 12), row, column)
    assert marked[0, 0, row, column] == 1
    assert marked.shape == (1, 3, 8, 12)
