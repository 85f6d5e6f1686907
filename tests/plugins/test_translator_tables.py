"""Every table of docs/translators.md says what the code does, and no learned translator is without one."""

import re
from pathlib import Path

import pytest

from bench_gan.networks import count_parameters
from bench_gan.options import AdversarialOptions
from benchmark import StageContext
from benchmark.config.resolve import resolve_matrix
from benchmark.registry.registry import load_registry

PAGE = (Path(__file__).parents[2] / "docs" / "translators.md").read_text()
REGISTRY = load_registry(Path(__file__).parents[2])


def learned():
    """Names of the shipped translators that are trained."""
    translators = [entry.spec for entry in REGISTRY.entries() if entry.spec and entry.spec.kind == "translator"]
    return [spec.name for spec in translators if issubclass(REGISTRY.options_class(spec), AdversarialOptions)]


def table(name):
    """What stands under "here", by the first column, in the section of one translator."""
    section = re.search(rf"^## `{name}`\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert section, f"docs/translators.md: a section '## `{name}`' was expected"
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section[1].splitlines() if "|" in line]
    return {row[0]: row[2] for row in rows[2:]}


def written(value):
    """A value as the page writes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(written, value))
    if isinstance(value, int):
        return f"{value:,}"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


@pytest.mark.parametrize("name", learned())
def test_options_have_the_defaults_that_the_page_shows(name):
    options = dict(REGISTRY.options_class(REGISTRY.find("translator", name))())
    shown = {row.strip("`"): here for row, here in table(name).items() if row.startswith("`")}
    assert shown == {option: written(options[option]) for option in shown}


@pytest.mark.parametrize("name", learned())
def test_the_budget_paper_keeps_what_the_page_shows_and_sets_the_jitter(name, tmp_path):
    scenario = "streets-labels-to-photo" if name == "pix2pix" else "streets"
    matrix = resolve_matrix(
        None, {"scenarios": [scenario], "translators": [name], "budget": "paper"}, load_registry(tmp_path)
    )
    [options] = [choice.options for choice in matrix.translators if choice.name == name]
    defaults = dict(REGISTRY.options_class(REGISTRY.find("translator", name))())
    shown = {row.strip("`") for row in table(name) if row.startswith("`")}
    changed = {option for option in shown if written(defaults[option]) != written(tupled(options[option]))}
    assert changed == {"enlarge"} & shown
    assert options["enlarge"] == (286 / 256 if "enlarge" in shown else 1)


def tupled(value):
    """A value of a resolved matrix, whose tuples are lists."""
    return tuple(value) if isinstance(value, list) else value


@pytest.mark.parametrize("name", learned())
def test_every_loss_weight_is_on_the_page(name):
    options = REGISTRY.options_class(REGISTRY.find("translator", name)).model_fields
    shown = {row.strip("`") for row in table(name)}
    assert {option for option in options if option.startswith("lambda_")} <= shown


@pytest.mark.parametrize("name", learned())
def test_networks_have_as_many_parameters_as_the_page_shows(name, tmp_path):
    translator = REGISTRY.create(REGISTRY.find("translator", name), {})
    context = StageContext(folder=tmp_path)
    context.source_segmenter = NoSegmenter()
    model = translator.make_model(context)
    sides = {"generator": model.generators, "discriminator": model.discriminators}
    rows = [re.fullmatch(r"parameters of (\w+) `(\w+)`", row) for row in table(name)]
    shown = {(row[1], row[2]): table(name)[row[0]] for row in rows if row}
    assert ("generator", "target") in shown
    assert ("discriminator", "target") in shown
    assert shown == {(side, part): written(count_parameters(sides[side][part])) for side, part in shown}


@pytest.mark.parametrize("name", learned())
def test_every_learned_translator_can_enlarge_its_training_images(name, domains, tmp_path):
    def batch(enlarge):
        translator = REGISTRY.create(REGISTRY.find("translator", name), {"enlarge": enlarge})
        return translator.batches(*domains, StageContext(folder=tmp_path))(0)["source"]

    plain, enlarged = batch(1.0), batch(2.0)
    assert plain.shape == enlarged.shape
    assert enlarged.diff(dim=-1).abs().mean() < 0.8 * plain.diff(dim=-1).abs().mean()


class NoSegmenter:
    """Stands for a segmenter where a model needs one."""

    def logits(self, images):
        return images
