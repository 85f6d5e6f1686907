"""The toy plugins of `tests/toys`, and matrices made of them."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmark.api.scenario import Scenario, Side
from benchmark.api.spec import CONTROLS
from benchmark.config.matrix import Matrix, PluginConfig
from benchmark.execution.events import Listener
from benchmark.registry.registry import load_registry
from benchmark.store.store import Store

TOYS = Path(__file__).parent / "toys"


def pytest_addoption(parser):
    parser.addoption(
        "--gpu-tests-on",
        metavar="DEVICE",
        help="torch device on which tests marked `gpu` are run: cuda where there is one, else they are left out; "
        "with cpu they can be tried on any machine",
    )


def pytest_collection_modifyitems(config, items):
    """Leave out tests that need a GPU where there is none: pytest counts them as deselected."""
    if config.getoption("--gpu-tests-on") or torch.cuda.is_available():
        return
    left_out = [item for item in items if item.get_closest_marker("gpu")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture
def gpu(request):
    """The torch device of tests that are marked `gpu`."""
    return request.config.getoption("--gpu-tests-on") or "cuda"


@pytest.fixture
def toys(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    return load_registry(TOYS)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


@pytest.fixture
def dusk():
    """A scenario of toy images by day and by night."""
    night = Side(dataset="dots", options={"look": "night", "count": 3, "flaw": ""})
    day = Side(dataset="dots", options={"look": "day", "count": 3, "flaw": ""})
    return Scenario(name="dusk", size=(8, 12), source=day, target=night)


@pytest.fixture
def choose(toys):
    """A plugin with its resolved options; labels are `name` or `name:label`."""

    def choice(kind, text, **options):
        name, _, label = text.partition(":")
        if name in CONTROLS:
            return PluginConfig("control", name, name, "1", {})
        try:
            form = toys.options_class(toys.find(kind, name))
            checked = form(**options)
            options, runtime_options = checked.model_dump(mode="json"), form.runtime_option_names()
            needs = checked.further_needs()
        except Exception:  # a broken plugin has no options
            options, runtime_options, needs = {}, (), ()
        return PluginConfig(kind, name, label or name, "1", options, runtime_options, further_needs=needs)

    return choice


@pytest.fixture
def matrix_of(dusk, choose):
    def matrix(*translators, segmenters=("nearest",), metrics=("accuracy", "difference"), pause=0.0, steps=2, **fields):
        speed = {"pause": pause, "steps": steps}
        chosen = tuple(choose("segmenter", name, **speed) for name in segmenters)
        return replace(
            Matrix(
                scenarios=(dusk,),
                translators=tuple(
                    choose("translator", name, **speed) for name in (CONTROLS[0], *translators, CONTROLS[1])
                ),
                segmenters=chosen,
                auxiliary_segmenter=chosen[0],
                metrics=tuple(choose("metric", name) for name in metrics),
                seeds=(0,),
                budget="tiny",
                precision="fp32",
                device="cpu",
            ),
            **fields,
        )

    return matrix


class Diary(Listener):
    """Notes every event."""

    def __init__(self):
        self.started, self.failed, self.records, self.progress = [], [], {}, []
        self.states, self.summary, self.other_code = {}, None, {}

    def plan_ready(self, plan, states):
        self.states = states

    def other_code_found(self, changes):
        self.other_code = changes

    def stage_started(self, stage):
        self.started.append((stage.kind, stage.plugin))

    def stage_progress(self, stage, progress):
        self.progress.append((stage.kind, progress))

    def stage_failed(self, stage, status, reason):
        self.failed.append((stage.kind, stage.plugin, status, reason))

    def cell_finished(self, record):
        self.records[record["translator"], record["segmenter"], record["seed"]] = record

    def finished(self, summary):
        self.summary = summary


@pytest.fixture
def diary():
    return Diary()


@pytest.fixture
def new_diary():
    return Diary
