"""A budget binds every plugin, whoever wrote it, and is known by what it sets."""

import shutil

import pytest

from benchmark import UsageError
from benchmark.config.resolve import resolve_matrix
from benchmark.registry.packaged_files import shipped_path
from benchmark.registry.registry import load_registry

BUDGETS = sorted(path.stem for path in shipped_path("configs/budgets").glob("*.toml"))
SCENARIOS = sorted(path.stem for path in shipped_path("configs/scenarios").glob("*.toml"))
LENGTHS = {"smoke": (16, 64), "cpu": (3000, 4000), "gpu": (40_000, 80_000), "paper": (200_000, 320_000)}
"""Images that a translator and a segmenter see, of which the budget says nothing in particular."""
PLUGINS = """
    from bench_gan.options import AdversarialOptions
    from benchmark import SegmentationMetric, Translator


    class GANOptions(AdversarialOptions):
        width: int = 4


    class GAN(Translator):
        Options = GANOptions
        def fit(self, source, target, run): ...
        def translate(self, images, variant=0): return images
        def save(self, folder): ...
        def load(self, folder): ...


    class Edges(SegmentationMetric):
        def update(self, predictions, labels): ...
        def compute(self): return {}
"""
ROWS = """
    [[translator]]
    name = "my-gan"
    entry = "mine.py:GAN"
    [[translator]]
    name = "tint-still"
    entry = "toys.py:Tint"
    trains = false
    [[metric]]
    name = "edges"
    entry = "mine.py:Edges"
    values = ["edge_overlap"]
    default = true
"""
LISTS = {"scenarios": ["rooms"], "translators": ["dream"], "segmenters": ["net"], "metrics": ["overlap"]}


@pytest.fixture
def resolve(project, write):
    """Resolves lists of plugins in a project with a GAN and a metric of its own."""
    write(project / "mine.py", PLUGINS)
    rows = (project / "registry.toml").read_text()
    write(project / "registry.toml", rows + "\n".join(line.strip() for line in ROWS.splitlines()) + "\n")

    def resolve_lists(budget, overrides=(), **asked):
        lists = {key: value for key, value in (LISTS | asked).items() if value}
        return resolve_matrix(None, lists | {"budget": budget}, load_registry(project), overrides=overrides)

    return resolve_lists


def options(matrix, alias):
    [found] = [row.options for row in (*matrix.translators, *matrix.segmenters) if row.alias == alias]
    return found


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("budget", BUDGETS)
def test_a_budget_gives_a_scenario_windows_that_fit_its_images(budget, scenario, tmp_path):
    matrix = resolve_matrix(None, {"scenarios": [scenario], "budget": budget}, load_registry(tmp_path))
    (resolved,) = matrix.scenarios
    for choice in (*matrix.translators, *matrix.segmenters):
        crop = choice.options.get("crop")
        assert crop is None or all(window <= side for window, side in zip(crop, resolved.size, strict=True)), (
            choice.name
        )


@pytest.mark.parametrize("name", sorted(path.stem for path in shipped_path("configs/matrices").glob("*.toml")))
def test_every_shipped_matrix_resolves_with_both_controls(name, tmp_path):
    matrix = resolve_matrix(name, {}, load_registry(tmp_path))
    assert {choice.alias for choice in matrix.translators} >= {"source-only", "oracle"}


@pytest.mark.parametrize("budget", BUDGETS)
def test_a_plugin_of_a_stranger_trains_as_long_as_the_shipped_ones(resolve, budget):
    matrix = resolve(budget, translators=["dream", "my-gan"])
    translator, segmenter = LENGTHS[budget]
    assert options(matrix, "dream")["images_seen"] == options(matrix, "my-gan")["images_seen"] == translator
    assert options(matrix, "net")["images_seen"] == segmenter
    assert matrix.warnings == ()


@pytest.mark.parametrize("budget", ["smoke", "cpu", "gpu"])
def test_every_shipped_translator_that_trains_has_the_length_of_the_budget(resolve, budget):
    entries = [entry for entry in load_registry().entries() if entry.distribution == "uda-bench"]
    trained = [entry.name for entry in entries if entry.kind == "translator" and entry.spec.trains]
    matrix = resolve(budget, translators=trained, segmenters=["deeplabv3"])
    lengths = {row.options["images_seen"] for row in matrix.translators if row.kind == "translator"}
    assert lengths == {LENGTHS[budget][0]}


@pytest.mark.parametrize("budget", ["smoke", "cpu", "gpu"])
def test_every_shipped_segmenter_of_a_name_has_the_length_of_the_budget_and_a_size_for_it(resolve, budget):
    entries = [entry for entry in load_registry().entries() if entry.distribution == "uda-bench"]
    names = [entry.name for entry in entries if entry.kind == "segmenter" and entry.name != "mmseg"]
    assert len(names) > 3
    matrix = resolve(budget, segmenters=names)
    assert {row.options["images_seen"] for row in matrix.segmenters} == {LENGTHS[budget][1]}
    defaults = {name: load_registry().options_class(load_registry().find("segmenter", name))() for name in names}
    assert all(row.options["batch_size"] == {"gpu": 8}.get(budget, 4) for row in matrix.segmenters)
    unchanged = [row.name for row in matrix.segmenters if row.options == defaults[row.name].model_dump(mode="json")]
    assert unchanged == []


def test_a_plugin_whose_length_no_budget_binds_is_warned_of_unless_it_trains_nothing(resolve):
    [warning] = resolve("cpu", translators=["tint", "tint-still", "dream"]).warnings
    assert warning.startswith("translator 'tint': its length is not bound by the budget")
    assert "trains = false" in warning


PACKAGE = """
    from pathlib import Path
    from benchmark import PluginOptions, PluginSpec, Translator, hookimpl

    class DreamOptions(PluginOptions):
        lambda_cycle: float = 10
        images_seen: int = 100

    class Dream(Translator):
        Options = DreamOptions
        def fit(self, source, target, run): ...
        def translate(self, images, variant=0): return images
        def save(self, folder): ...
        def load(self, folder): ...

    @hookimpl
    def bench_register_plugins():
        return [PluginSpec("translator", "far-dream", "far_dreams:Dream")]

    @hookimpl
    def bench_register_budgets():
        return {{"cpu": Path(r"{folder}") / "far_cpu.toml"}}
"""


@pytest.fixture
def install_far_dreams(install, tmp_path, write):
    def install_with_tables(tables):
        install("far-dreams", PACKAGE.format(folder=tmp_path))
        write(tmp_path / "far_cpu.toml", tables)

    return install_with_tables


def test_a_package_brings_tables_of_its_own_plugins_to_a_budget(resolve, install_far_dreams):
    install_far_dreams("[translator.far-dream]\nlambda_cycle = 3\n")
    matrix = resolve("cpu", translators=["dream", "far-dream"])
    assert options(matrix, "far-dream")["lambda_cycle"] == 3
    assert options(matrix, "far-dream")["images_seen"] == options(matrix, "dream")["images_seen"] == 3000
    assert options(matrix, "dream")["lambda_cycle"] == 10
    assert options(resolve("smoke", translators=["far-dream"]), "far-dream")["lambda_cycle"] == 10


def test_a_table_of_a_package_wins_over_the_budgets_table_for_all(resolve, install_far_dreams):
    install_far_dreams("[translator.far-dream]\nimages_seen = 5\n")
    assert options(resolve("cpu", translators=["far-dream"]), "far-dream")["images_seen"] == 5


@pytest.mark.parametrize("table", ["translator.cyclegan", 'translator."*"', "scenario.rooms"])
def test_a_package_may_not_set_options_of_what_it_does_not_register(resolve, install_far_dreams, table):
    install_far_dreams(f"[{table}]\nsize = 4\n")
    with pytest.raises(UsageError, match=r"of what far-dreams registers alone: translator\.far-dream"):
        resolve("cpu", translators=["far-dream"])
    assert resolve("cpu").budget == "cpu"


def test_a_budget_file_of_the_project_adds_to_the_shipped_one_of_its_name(resolve, project, write):
    write(project / "configs/budgets/cpu.toml", "[translator.my-gan]\nwidth = 16\n")
    matrix = resolve("cpu", translators=["my-gan", "dream"])
    assert (options(matrix, "my-gan")["width"], options(matrix, "my-gan")["images_seen"]) == (16, 3000)
    assert options(matrix, "dream")["images_seen"] == 3000
    write(project / "configs/budgets/cpu.toml", "[translator.cyclegan]\nfilters = 1\n")
    with pytest.raises(UsageError, match="For a budget of its own, give the file another name"):
        resolve("cpu")


def test_a_budget_is_known_by_what_it_sets_and_not_by_the_name_of_its_file(resolve, project, write):
    first = write(project / "b.toml", "[segmenter.net]\ndepth = 3\n")
    second = write(project / "other/b.toml", "[segmenter.net]\ndepth = 4\n")
    renamed = shutil.copy(first, project / "c.toml")
    write(renamed, '# a remark\nsummary = "The same."\n[segmenter.net]\ndepth = 3\n')
    names = ("b.toml", "other/b.toml", "c.toml")
    one, other, same = (resolve(name, translators=["dream"]) for name in names)
    assert second.stem == one.budget == other.budget == "b"
    assert one.budget_digest != other.budget_digest
    assert one.budget_digest == same.budget_digest != ""


def test_what_a_user_changes_against_the_budget_is_named_in_the_row(resolve):
    overrides = ["translator.dream.images_seen=9", "translator.dream.lambda_cycle=10"]
    matrix = resolve("cpu", overrides=overrides)
    rows = {row.alias: row.off_budget for row in (*matrix.translators, *matrix.segmenters)}
    assert rows == {"source-only": (), "dream": ("images_seen",), "net": (), "oracle": ()}


def test_an_option_without_effect_on_results_does_not_count_as_off_budget(resolve):
    matrix = resolve("cpu", translators=["my-gan"], overrides=["translator.my-gan.log_every=3"])
    assert [row.off_budget for row in matrix.translators] == [(), (), ()]


def test_a_metric_of_the_project_may_be_a_usual_one(resolve):
    usual = [metric.name for metric in resolve("cpu", metrics=None).metrics]
    assert usual[0] == "segmentation"
    assert usual[-1] == "edges"
    assert "label-colours" not in usual


def test_metrics_with_signs_change_the_usual_list(resolve):
    changed = [metric.name for metric in resolve("cpu", metrics=["+overlap", "-inception", "-edges"]).metrics]
    assert changed == ["segmentation", "semantic-flip", "ssim", "cycle-error", "diversity", "overlap"]


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        (["+overlap", "ssim"], "either every name has . or - before it"),
        (["-inceptoin"], "'-inceptoin' takes away a metric that is not in the list. Did you mean 'inception'"),
        (["edge_overlap"], "metric 'edge_overlap' is not known. It is a value of 'edges'"),
        (["dream"], "metric 'dream' is not known. There is a translator of that name"),
    ],
)
def test_a_mistake_in_the_list_of_metrics_says_what_is_meant(resolve, metrics, message):
    with pytest.raises(Exception, match=message):
        resolve("cpu", metrics=metrics)
