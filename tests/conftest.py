"""The toy plugins of `tests/toys`, matrices made of them, and records as the driver writes them."""

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


CLASSES = ["road", "sky", "car"]
VALUES = {
    "miou": {"higher_is_better": True, "low": 0, "high": 1, "summary": "mean IoU", "heading": "mIoU", "unit": "%"},
    "fid": {
        "higher_is_better": False,
        "low": 0,
        "high": None,
        "summary": "Frechet distance",
        "heading": "FID",
        "decimals": 1,
        "measures": "translation",
    },
}


def _record(translator, seed, miou=None, **changes):
    """One done cell of `streets`; `changes` replace its fields."""
    segmenter = changes.pop("segmenter", "deeplabv3")
    options = changes.pop("options", {})
    scenario = {"name": "streets", "summary": "", "size": [64, 128], "source": {"dataset": "streets", "options": {}}}
    key = changes.pop("config_key", f"{translator}-{segmenter}-{sorted(options.items())}")
    return {
        "schema": 2,
        "cell": f"{changes.get('scenario', 'streets')}.{key}.s{seed}.{changes.get('segmenter_seed', 0)}",
        "config_key": key,
        "scenario": "streets",
        "classes": CLASSES,
        "size": [64, 128],
        "checkpoint": "last",
        "translator": translator,
        "segmenter": segmenter,
        "seed": seed,
        "budget": {"name": changes.pop("budget", "cpu"), "digest": changes.pop("budget_digest", "b1")},
        "data": {"source train": "s1", "target test": "t1"},
        "images_seen": {"translator": None, "segmenter": None},
        "status": "done",
        "reason": None,
        "log_tail": [],
        "metrics": {} if miou is None else {"miou": miou},
        "missing": {},
        "details": {},
        "values": VALUES,
        "config": {
            "scenario": scenario,
            "translator": {"name": translator, "options": options},
            "segmenter": {"name": segmenter, "options": {"crop": 64}},
        },
        "stages": {},
        "cost": {"seconds": 90.0},
        "provenance": {"time": "2025-01-01T00:00:00Z"},
    } | changes


@pytest.fixture
def record():
    """Makes the record of a cell of `streets`."""
    return _record
