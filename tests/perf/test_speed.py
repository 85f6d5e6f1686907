"""Speeds are measured for every trained translator, as far as time reaches, with their share of the device's rate."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from bench_gan.networks import count_parameters
from benchmark.registry.registry import load_registry
from benchmark.testing.nearest_colour import NearestColour
from perf.gpu import speed
from perf.gpu.call import Deadline
from perf.gpu.speed import Case, Measured

REGISTRY = load_registry(Path(__file__).parents[2])


def test_the_share_of_a_rate_is_operations_over_time_over_rate():
    assert speed.share_of_rate(flops=3 * 10**12, seconds=0.01, rate=600e12) == pytest.approx(0.5)
    assert speed.share_of_rate(flops=1, seconds=0, rate=1) == 0


def test_operations_are_those_of_forward_and_backward_passes():
    layer, images = nn.Conv2d(3, 5, 3, padding=1, bias=False), torch.rand(2, 3, 8, 8, requires_grad=True)
    products = 2 * 5 * 8 * 8 * 3 * 3 * 3
    # backward, one such pass for the weights and one for the images
    assert speed.count_flops(lambda: layer(images).sum().backward()) == 3 * 2 * products


def test_every_translator_of_the_engine_is_measured_and_no_other():
    names = speed.learned_translators(REGISTRY)
    assert {"cyclegan", "cut", "pix2pix"} <= set(names)
    assert not {"fda", "reinhard"} & set(names)


def test_each_translator_has_its_turn_before_batches_grow():
    found = list(speed.cases(["a", "b"], [(1, 2), (3, 4)], [1, 4]))
    assert [case.batch for case in found] == [1] * 4 + [4] * 4
    assert [case.name for case in found[:4]] == ["a", "b", "a", "b"]


def test_networks_have_the_width_of_the_paper(tmp_path):
    context = speed.StageContext(tmp_path)
    _, parameters = speed.training_step(REGISTRY, Case("cyclegan", (32, 32), 1), context, {"discriminator_layers": 1})
    assert parameters == 2 * 11_378_179


@pytest.mark.parametrize("name", speed.learned_translators(REGISTRY))
@pytest.mark.parametrize("size", speed.SMOKE_SIZES)
def test_every_translator_makes_a_step_at_the_size_of_a_trial(name, size, tmp_path):
    context = speed.StageContext(tmp_path, source_segmenter=NearestColour())
    step, _ = speed.training_step(REGISTRY, Case(name, size, 1), context, speed.SMOKE_OPTIONS)
    step()


def test_a_case_that_fails_is_a_row_with_its_reason():
    def make_step():
        raise RuntimeError("CUDA out of memory\nand much more")

    measured = speed.measure(Case("a", (8, 8), 1), make_step, "cpu", "fp32", 1.0, Deadline.after(1))
    assert measured.error == "CUDA out of memory"
    assert "CUDA out of memory" in speed.speed_table([measured])


def test_figures_are_of_the_step_that_was_timed():
    layer = nn.Linear(64, 64, bias=False)
    images = torch.rand(8, 64)
    case = Case("a", (8, 8), 4)
    measured = speed.measure(
        case, lambda: (lambda: layer(images), count_parameters(layer)), "cpu", "fp32", 1e9, Deadline.after(1)
    )
    assert (measured.flops, measured.parameters) == (2 * 8 * 64 * 64, 64 * 64)
    assert measured.share == pytest.approx(measured.flops / (measured.milliseconds / 1000) / 1e9)
    assert measured.images_per_second == pytest.approx(4000 / measured.milliseconds)


def test_a_run_writes_figures_of_every_case(tmp_path, capsys):
    arguments = ["--device", "cpu", "--smoke", "--translators", "cut", "--out", str(tmp_path)]
    assert speed.main(arguments) == 0
    rows = [Measured(**row) for row in json.loads((tmp_path / "speed.json").read_text())["rows"]]
    assert [(row.name, row.batch) for row in rows] == [("cut", 1), ("cut", 2)]
    assert all(row.milliseconds > 0 and row.flops > 0 and row.share > 0 for row in rows)
    assert speed.speed_table(rows) in (tmp_path / "speed.md").read_text()
    assert speed.speed_table(rows) in capsys.readouterr().out


def test_cases_that_time_does_not_reach_are_listed(tmp_path, monkeypatch):
    monkeypatch.setattr(Deadline, "allows", lambda deadline, seconds: seconds == 0)
    arguments = ["--device", "cpu", "--smoke", "--translators", "cut", "--out", str(tmp_path)]
    assert speed.main(arguments) == 1
    rows = json.loads((tmp_path / "speed.json").read_text())["rows"]
    assert [row["error"] for row in rows] == ["", "out of time"]
