"""What the documents show works as they show it."""

import os
import re
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmark import ClassSet, PluginSpec
from benchmark.api import hookspecs
from benchmark.api.imageset import ImageSet
from benchmark.api.scenario import Scenario
from benchmark.api.spec import KINDS, NEEDS
from benchmark.api.stage_context import StageContext
from benchmark.cli import main
from benchmark.config.matrix_file import Request
from benchmark.config.overrides import SECTIONS
from benchmark.config.resolve import resolve_matrix
from benchmark.registry.registry import Registry, load_registry

ROOT = Path(__file__).parents[1]


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


def write_files(page, folder):
    """Writes each block of a page whose first line names a file into that file; the names."""
    written = []
    named_block = r"```(?:python|toml)\n# (\S+\.(?:py|toml))\n(.*?)```"
    for name, text in re.findall(named_block, (ROOT / page).read_text(), re.DOTALL):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        written.append(name)
    return written


@pytest.fixture
def guide(tmp_path, monkeypatch):
    """The project that the plugin guide shows, as the working folder."""
    monkeypatch.setattr("sys.path", [*sys.path])
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{ROOT / 'plugins'}")
    monkeypatch.chdir(tmp_path)
    write_files("docs/plugins.md", tmp_path)
    return tmp_path


def test_every_block_of_the_plugin_guide_names_its_file(tmp_path):
    shown = [*blocks("docs/plugins.md", "python"), *blocks("docs/plugins.md", "toml")]
    assert len(write_files("docs/plugins.md", tmp_path)) == len(shown)


def test_the_plugins_of_the_guide_are_of_every_kind_and_can_be_used(guide):
    registry = load_registry(guide)
    names = ("grey-world", "small-unet", "boundary", "discs", "shell")
    entries = {entry.kind: entry for entry in registry.entries() if entry.name in names}
    assert set(entries) == set(KINDS)
    for entry in entries.values():
        assert entry.state == "ok", entry.error
        assert registry.load(entry.spec).__name__
        assert registry.options_class(entry.spec)


def test_the_plugins_of_the_guide_pass_their_suites_as_shown_there(guide):
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    command += ["test_my_plugins.py", "test_my_devices.py"]
    done = subprocess.run(command, cwd=guide, capture_output=True, text=True)
    assert re.search(r"^\d+ passed in", done.stdout, re.MULTILINE), done.stdout


def test_the_matrix_of_the_plugin_guide_resolves(guide):
    matrix = resolve_matrix("my-matrix.toml", {}, load_registry(guide))
    assert [choice.alias for choice in matrix.translators][1:-1] == ["grey-world", "half-grey"]
    assert matrix.segmenters[0].options["filters"] == 8
    assert [scenario.name for scenario in matrix.scenarios] == ["discs"]
    assert [metric.name for metric in matrix.metrics] == ["segmentation", "boundary", "ssim"]


def test_a_translator_of_the_guide_runs_with_its_segmenter_and_its_data_set(guide):
    tiny = ("--set", "segmenter.images_seen=4", "--set", "segmenter.batch_size=2", "--set", "segmenter.filters=4")
    data = ("--set", "scenario.source.options.train=4", "--set", "scenario.target.options.train=4")
    names = ("--scenario", "discs", "--translator", "grey-world", "--segmenter", "small-unet", "--metrics", "boundary")
    settings = ("--budget", "smoke", "--device", "cpu", "--executor", "shell", "--format", "json")
    outcome = CliRunner().invoke(main, ["run", *names, *settings, *tiny, *data])
    assert outcome.exit_code == 0, outcome.output
    assert "boundary_accuracy" in outcome.stdout


def test_the_package_of_the_plugin_guide_registers_its_plugin(guide):
    names = {}
    exec((guide / "my_package" / "bench_plugin.py").read_text(), names)
    registry = Registry(guide)
    module = types.ModuleType("bench_plugin")
    vars(module).update(names)
    registry.add(module, "my_package", "my-package")
    assert registry.find("translator", "dream").entry == "my_package.dream:Dream"
    assert registry.hook.bench_leaderboard_columns(records=[{"cost": {"seconds": 7200}}]) == [{"hours": 2.0}]


def public_names(cls):
    fields = getattr(cls, "__dataclass_fields__", {})
    return sorted({name for name in [*vars(cls), *fields] if not name.startswith("_")})


DESCRIBED = {
    "stage context": public_names(StageContext),
    "image set": public_names(ImageSet),
    "plugin spec": public_names(PluginSpec),
    "hooks": [name for name in vars(hookspecs) if name.startswith("bench_")],
    "matrix file": [name for name in Request.model_fields if name not in SECTIONS],
    "sections": [f"[{section}.NAME]" for section in SECTIONS],
    "needs": [word for words in NEEDS.values() for word in words],
}


@pytest.mark.parametrize("subject", DESCRIBED)
def test_the_plugin_guide_describes_all_there_is(subject):
    page = (ROOT / "docs/plugins.md").read_text()
    missing = [name for name in DESCRIBED[subject] if f"`{name}" not in page]
    assert missing == []


def test_the_matrix_of_the_readme_resolves(tmp_path):
    file = tmp_path / "my-matrix.toml"
    file.write_text(blocks("README.md", "toml")[0])
    matrix = resolve_matrix(file, {}, load_registry(tmp_path))
    by_alias = {choice.alias: choice for choice in matrix.translators}
    assert by_alias["cyclegan"].options["blocks"] == 6
    assert by_alias["cyclegan-no-identity"].options["lambda_identity"] == 0
    assert matrix.seeds == (0, 1, 2)


def test_the_scenario_of_the_data_guide_is_one(tmp_path):
    fields = tomllib.loads(blocks("docs/data.md", "toml")[0])
    fields["target"]["options"] = fields["source"]["options"]
    scenario = Scenario(**fields)
    registry = load_registry(tmp_path)
    options = registry.options_class(registry.find("dataset", "folder"))
    assert options(**scenario.source.options).mapping == {"7": "road", "26": "car", "23": "sky", "0": "ignore"}


@pytest.mark.parametrize("page", ["README.md", "docs/plugins.md", "docs/data.md"])
def test_commands_are_shown_with_options_they_have(page):
    text = (ROOT / page).read_text()
    lines = re.findall(r"`(bench [^`]+)`", text) + re.findall(r"^(bench .*?)(?:#|$)", text, re.MULTILINE)
    assert lines
    for line in (part.strip() for shown in lines for part in shown.split(";")):
        words = [word for word in line.split() if word != "--traceback"]  # an option of bench itself
        group = [word for word in words[1:3] if words[1] in ("plugins", "figure") or word == words[1]]
        result = CliRunner().invoke(main, [*group, "--help"])
        assert result.exit_code == 0, line
        for option in re.findall(r"--[a-z-]+", " ".join(words)):
            assert option in result.output, line


def test_links_lead_to_files():
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", prose):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_translator_of_the_engine_page_learns_a_tint(tmp_path):
    names = {}
    exec(blocks("docs/engine.md", "python")[0], names)
    settings = {"images_seen": 800, "batch_size": 4, "lr": 0.01, "tensorboard": False, "sample_every": 0}
    translator = names["TintGAN"](names["TintOptions"](**settings))
    noise = np.random.default_rng(0).integers(0, 180, (1, 8, 16, 16, 3), dtype=np.uint8)
    classes, ids = ClassSet(("road",), ((0, 0, 0),)), list("abcdefgh")
    dark, light = ImageSet(noise, None, ids, classes), ImageSet(noise + 60, None, ids, classes)
    translator.fit(dark, light, StageContext(folder=tmp_path))
    images = dark.image_batch(range(8))
    aim = float(light.image_batch(range(8)).mean())
    assert float(images.mean()) < aim - 0.2
    assert float(translator.translate(images).mean()) == pytest.approx(aim, abs=0.05)


def test_the_training_of_the_engine_page_learns_a_mean_and_resumes(tmp_path):
    names = {}
    exec(blocks("docs/engine.md", "python")[1], names)
    learnt = names["fit"](StageContext(folder=tmp_path))
    assert learnt == pytest.approx(5, abs=0.2)
    assert names["fit"](StageContext(folder=tmp_path)) == learnt
