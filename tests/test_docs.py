"""What the documents show works as they show it."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from benchmark import ClassSet
from benchmark.api.imageset import ImageSet
from benchmark.api.scenario import Scenario
from benchmark.api.stage_context import StageContext
from benchmark.cli import main
from benchmark.config.resolve import resolve_matrix
from benchmark.registry.registry import load_registry

ROOT = Path(__file__).parents[1]


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


def test_the_translator_of_the_plugin_guide_works(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    (tmp_path / "grey_world.py").write_text(blocks("docs/plugins.md", "python")[0])
    (tmp_path / "registry.toml").write_text(blocks("docs/plugins.md", "toml")[0])
    registry = load_registry(tmp_path)
    spec = registry.find("translator", "grey-world")
    translator = registry.create(spec, {})

    class Dark:
        def __len__(self):
            return 2

        def image_batch(self, indices):
            return torch.full((1, 3, 4, 4), 0.2)

    translator.fit(None, Dark(), StageContext(folder=tmp_path))
    (tmp_path / "saved").mkdir()
    translator.save(tmp_path / "saved")
    again = registry.create(spec, {})
    again.load(tmp_path / "saved")
    image = torch.rand(2, 3, 5, 7, generator=torch.Generator().manual_seed(0)) * 0.5
    out = again.translate(image)
    assert out.shape == image.shape
    torch.testing.assert_close(out.mean((2, 3)), torch.full((2, 3), 0.2), atol=0.02, rtol=0)


def test_the_translator_of_the_plugin_guide_passes_the_suite_as_shown_there(tmp_path):
    [suite] = [block for block in blocks("docs/plugins.md", "python") if "TranslatorConformance" in block]
    (tmp_path / "grey_world.py").write_text(blocks("docs/plugins.md", "python")[0])
    (tmp_path / "test_grey_world.py").write_text(suite)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "test_grey_world.py"]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'plugins'}"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert re.search(r"^14 passed in", done.stdout, re.MULTILINE), done.stdout


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
        words = line.split()
        group = [word for word in words[1:3] if words[1] == "plugins" or word == words[1]]
        result = CliRunner().invoke(main, [*group, "--help"])
        assert result.exit_code == 0, line
        for option in re.findall(r"--[a-z-]+", line):
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
