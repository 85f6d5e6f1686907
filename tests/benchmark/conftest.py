"""A project folder with small plugins, registered through its own registry.toml."""

import sys
import textwrap

import pytest

from benchmark.registry.registry import load_registry

TOYS = """
    from typing import Literal

    from pydantic import BaseModel, Field

    from benchmark import PluginOptions, Dataset, Segmenter, SegmentationMetric, Translator


    class Schedule(BaseModel):
        model_config = {"extra": "forbid"}
        kind: Literal["linear", "cosine"] = "linear"
        warmup: int = 0


    class DreamOptions(PluginOptions):
        lambda_cycle: float = Field(10.0, ge=0, description="Weight of the cycle loss.")
        images_seen: int = Field(100, gt=0, description="Length.", json_schema_extra={"unit": "images"})
        schedule: Schedule = Schedule()
        teacher: bool | str = False


    class Dream(Translator):
        Options = DreamOptions
        def fit(self, source, target, run): ...
        def translate(self, images, variant=0): return images
        def save(self, folder): ...
        def load(self, folder): ...


    class TintOptions(PluginOptions):
        strength: float = 1.0


    class Tint(Dream):
        Options = TintOptions


    class NetOptions(PluginOptions):
        images_seen: int = 100
        depth: int = 50


    class Net(Segmenter):
        Options = NetOptions
        def fit(self, train, target, validation, run): ...
        def predict(self, images): ...
        def save(self, folder): ...
        def load(self, folder): ...


    class Overlap(SegmentationMetric):
        def update(self, predictions, labels): ...
        def compute(self): return {}


    class RoomOptions(PluginOptions):
        count: int = 10
        look: Literal["day", "night"] = "day"


    class Rooms(Dataset):
        Options = RoomOptions
        classes = None
        def ids(self, split): ...
        def sample(self, split, id): ...
        def fingerprint(self, split): ...
"""
REGISTRY = """
    [[translator]]
    name = "dream"
    entry = "toys.py:Dream"
    version = "3"
    [[translator]]
    name = "tint"
    entry = "toys.py:Tint"
    [[segmenter]]
    name = "net"
    entry = "toys.py:Net"
    [[metric]]
    name = "overlap"
    entry = "toys.py:Overlap"
    [[dataset]]
    name = "rooms"
    entry = "toys.py:Rooms"
"""
SCENARIO = """
    size = [64, 128]
    [source]
    dataset = "rooms"
    [target]
    dataset = "rooms"
    options.look = "night"
"""


@pytest.fixture
def write():
    def write_dedented(path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    return write_dedented


@pytest.fixture
def project(tmp_path, monkeypatch, write):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    write(tmp_path / "toys.py", TOYS)
    write(tmp_path / "registry.toml", REGISTRY)
    write(tmp_path / "configs/scenarios/rooms.toml", SCENARIO)
    write(tmp_path / "configs/budgets/tiny.toml", '[translator."*"]\nimages_seen = 7\n')
    return tmp_path


@pytest.fixture
def registry(project):
    return load_registry(project)


@pytest.fixture
def install(tmp_path, monkeypatch, write):
    """Puts a distribution with an entry point of the group `bench` on the path."""
    site = tmp_path / "site"
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    modules = set(sys.modules)

    def install_distribution(distribution, source, version="1.0"):
        module = distribution.replace("-", "_")
        write(site / f"{module}.py", source)
        info = site / f"{module}-{version}.dist-info"
        write(info / "METADATA", f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        write(info / "entry_points.txt", f"[bench]\n{module} = {module}\n")

    yield install_distribution
    for name in set(sys.modules) - modules:
        if getattr(sys.modules[name], "__file__", None) and str(site) in str(sys.modules[name].__file__):
            del sys.modules[name]
