"""Plugins come through one door, are imported late, and a broken one hurts no other."""

import json
import subprocess
import sys
from dataclasses import asdict

import pytest

from benchmark import PluginError, PluginSpec, Scenario, UsageError, hookimpl
from benchmark.api.spec import KINDS
from benchmark.registry.entries import PACKAGE
from benchmark.registry.packaged_files import shipped_path
from benchmark.registry.registry import PROJECT_FILE, SHIPPED, Registry, load_registry
from benchmark.registry.registry_file import RegistryFile

DREAM = 'PluginSpec("translator", "remote-dream", "remote_dream:Dream")'
PLUGIN = """
    from benchmark import PluginSpec, hookimpl

    @hookimpl
    def bench_register_plugins():
        return [{spec}]
"""


@pytest.fixture
def folder(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    return empty


def entry(registry, name):
    [found] = [item for item in registry.entries() if item.name == name]
    return found


def fake(**hooks):
    """A plugin object with these hooks."""
    return type("Fake", (), {name: staticmethod(hookimpl(hook)) for name, hook in hooks.items()})()


def with_specs(*specs):
    return fake(bench_register_plugins=lambda: list(specs))


def test_the_shipped_plugins_are_known_and_come_from_uda_bench(folder):
    registry = load_registry(folder)
    shipped_names = {(item.kind, item.name) for item in registry.entries() if item.distribution == SHIPPED}
    assert {("translator", "cyclegan"), ("segmenter", "deeplabv3"), ("dataset", "streets")} <= shipped_names
    assert {item.state for item in registry.entries() if item.distribution == SHIPPED} == {"ok"}


def test_listing_imports_no_plugin_and_no_heavy_library(project):
    code = (
        "import sys; from benchmark.registry.registry import load_registry; load_registry().entries();"
        "heavy = ('torch', 'numpy', 'mmengine', 'bench_', 'toys');"
        "light = ('bench_metrics', 'bench_mmseg');"
        "found = [name for name in sys.modules if name.startswith(heavy) and name not in light];"
        "print([name for name in found if not name.endswith('.bench_plugin')])"
    )
    path = str(shipped_path(""))
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": path}
    )
    assert out.stdout.strip() == "[]"


def test_the_checkout_is_not_loaded_twice():
    registry = load_registry(shipped_path(""))
    names = [(item.kind, item.name) for item in registry.entries()]
    assert len(names) == len(set(names))


def test_a_project_file_adds_plugins_from_a_python_file(registry):
    spec = registry.find("translator", "dream")
    assert (spec.version, spec.distribution) == ("3", "./registry.toml")
    assert registry.load(spec).__name__ == "Dream"
    assert registry.options_class(spec)().lambda_cycle == 10


def test_a_project_plugin_can_import_its_neighbours(project, write):
    write(
        project / "neighbour_of_echo.py",
        "from benchmark import PluginOptions\nclass EchoOptions(PluginOptions): volume: int = 3\n",
    )
    row = '[[translator]]\nname = "echo"\nentry = "toys.py:Dream"\noptions = "neighbour_of_echo:EchoOptions"\n'
    write(project / "registry.toml", row)
    registry = load_registry(project)
    assert registry.options_class(registry.find("translator", "echo"))().volume == 3


def test_create_gives_an_instance_with_checked_options(registry):
    spec = registry.find("translator", "dream")
    assert registry.create(spec, {"lambda_cycle": 2}).options.lambda_cycle == 2.0
    with pytest.raises(UsageError) as caught:
        registry.create(spec, {"lamda_cycle": 2})
    assert str(caught.value) == "translator.dream.lamda_cycle: unknown option. Did you mean 'lambda_cycle'?"


def test_an_unknown_name_is_answered_with_the_closest_one(registry):
    with pytest.raises(PluginError) as caught:
        registry.find("translator", "cyclgan")
    expected = "translator 'cyclgan' is not known. Did you mean 'cyclegan'?  (bench plugins list --kind translator)"
    assert str(caught.value) == expected


def test_an_installed_package_adds_plugins(folder, install):
    install("remote-dreams", PLUGIN.format(spec=DREAM), version="2.5")
    found = entry(load_registry(folder), "remote-dream")
    assert (found.distribution, found.kind, found.state) == ("remote-dreams", "translator", "ok")


BROKEN = {
    "import nowhere_to_be_found": "ModuleNotFoundError: No module named 'nowhere_to_be_found'",
    "raise SystemExit(3)": "SystemExit: 3",
    "def (": "SyntaxError: invalid syntax",
    PLUGIN.format(spec="1 / 0"): "ZeroDivisionError: division by zero",
    PLUGIN.format(spec="'dream'"): "bench_register_plugins must return PluginSpecs, but returned 'dream'",
    "from benchmark import hookimpl\n@hookimpl\ndef bench_register_plugin(): ...": (
        "'bench_register_plugin' is no hook of bench. Did you mean 'bench_register_plugins'?"
    ),
    "def bench_register_plugins(): ...": (
        "'bench_register_plugins' is not marked with benchmark.hookimpl, so that it would never be called"
    ),
}


@pytest.mark.parametrize("source", BROKEN)
def test_a_broken_package_is_an_entry_with_its_reason_and_hurts_no_other(folder, install, source):
    install("remote-dreams", source)
    install("good-dreams", PLUGIN.format(spec=DREAM))
    registry = load_registry(folder)
    found = entry(registry, "remote_dreams")
    assert (found.kind, found.distribution, found.version, found.state) == (PACKAGE, "remote-dreams", "1.0", "broken")
    # Where it was raised follows, for what was raised in the package's own code.
    assert found.error.partition(" (/")[0] == BROKEN[source]
    assert entry(registry, "remote-dream").state == "ok"
    with pytest.raises(PluginError, match=r"Broken packages, whose plugins are not known: remote-dreams\."):
        registry.find("translator", "elsewhere")


def test_a_hook_with_an_argument_that_does_not_exist_breaks_its_package(folder):
    registry = Registry(folder)
    registry.add(fake(bench_log=lambda key, losses: None), "x", "remote-dreams", "1.0")
    [found] = registry.entries()
    assert found.state == "broken"
    assert "losses" in found.error
    assert registry.hook.bench_log(key="k", progress={}) == []


def test_of_two_plugins_of_one_name_neither_is_usable_and_the_error_names_both_packages(folder, install):
    install("remote-dreams", PLUGIN.format(spec=DREAM))
    install("other-dreams", PLUGIN.format(spec=DREAM))
    registry = load_registry(folder)
    [name] = {item.name for item in registry.entries() if item.distribution == "remote-dreams"}
    with pytest.raises(PluginError) as caught:
        registry.find("translator", name)
    assert "registered by both" in str(caught.value)
    assert "remote-dreams" in str(caught.value)
    assert "other-dreams" in str(caught.value)
    assert registry.find("translator", "cyclegan").distribution == SHIPPED


def test_a_project_plugin_of_a_shipped_name_is_broken_and_the_shipped_one_stays(project, write, caplog):
    write(project / "registry.toml", '[[translator]]\nname = "cyclegan"\nentry = "toys.py:Dream"\n')
    registry = load_registry(project)
    [own] = [item for item in registry.entries() if item.distribution == PROJECT_FILE]
    assert own.state == "broken"
    assert own.error.startswith("registered by both uda-bench and ./registry.toml")
    assert registry.find("translator", "cyclegan").distribution == SHIPPED
    assert "translator 'cyclegan' is registered by both" in caplog.text


def test_two_plugins_of_one_name_in_one_file_are_both_broken(project, write):
    write(project / "registry.toml", 2 * '[[translator]]\nname = "dream"\nentry = "toys.py:Dream"\n')
    with pytest.raises(PluginError, match=r"registered twice by \./registry\.toml; rename one"):
        load_registry(project).find("translator", "dream")


def test_a_project_registry_that_cannot_be_read_is_not_passed_over(project):
    (project / "registry.toml").unlink()
    (project / "registry.toml").mkdir()
    with pytest.raises(UsageError, match=r"registry.toml: expected a TOML file, but it cannot be read"):
        load_registry(project)


def test_one_name_may_serve_two_kinds(folder):
    registry = Registry(folder)
    registry.add(with_specs(PluginSpec("translator", "a", "m:A"), PluginSpec("metric", "a", "m:B")), "x", "d")
    assert registry.find("metric", "a").entry == "m:B"


UNFIT = [
    (PluginSpec("translater", "a", "m:A"), "kind must be one of"),
    (PluginSpec("translator", "A b", "m:A"), "name must be lower case"),
    (PluginSpec("translator", "oracle", "m:A"), "'oracle' is a control row"),
    (PluginSpec("translator", "a", "m.A"), "entry must read 'module:attribute', but is 'm.A'"),
    (PluginSpec("translator", "a", "m:A", options="m"), "options must read 'module:attribute', but is 'm'"),
    (
        PluginSpec("translator", "a", "m:A", needs=("paired", "luck")),
        "needs of a translator may name source_labels, paired, source_segmenter, but name luck",
    ),
    (
        PluginSpec("metric", "a", "m:A", needs=("paired",)),
        "needs of a metric may name source_segmenter, target_segmenter, translator, reference, but name paired",
    ),
    (PluginSpec("dataset", "a", "m:A", needs=("luck",)), "needs of a dataset may name nothing, but name luck"),
]


@pytest.mark.parametrize(("spec", "reason"), UNFIT)
def test_an_unfit_description_breaks_its_plugin_alone(folder, spec, reason):
    registry = Registry(folder)
    registry.add(with_specs(spec, PluginSpec("translator", "good", "m:A")), "x", "d")
    [found, good] = registry.entries()
    assert (found.state, good.state) == ("broken", "ok")
    assert reason in found.error
    if spec.kind == "translator":
        with pytest.raises(PluginError, match="cannot be used"):
            registry.find("translator", spec.name)


def test_a_plugin_for_other_contracts_is_listed_and_refused(folder):
    registry = Registry(folder)
    registry.add(with_specs(PluginSpec("metric", "later", "m:A", api=99)), "x", "d")
    assert entry(registry, "later").state == "incompatible"
    with pytest.raises(PluginError, match="written for contract version 99, but this bench has version 1"):
        registry.find("metric", "later")


UNLOADABLE = {
    "nowhere:Dream": "ModuleNotFoundError: No module named 'nowhere'",
    "toys.py:Dreem": "has no attribute 'Dreem'",
    "missing.py:Dream": "FileNotFoundError",
    "toys.py:Net": "to be a class derived from Translator",
    "toys.py:Field": "to be a class derived from Translator",
    "toys.py:Translator": "does not define fit, load, save, translate",
}


@pytest.mark.parametrize("entry", UNLOADABLE)
def test_an_entry_that_is_no_such_plugin_is_one_line(project, write, entry):
    write(project / "registry.toml", f'[[translator]]\nname = "x"\nentry = "{entry}"\n')
    registry = load_registry(project)
    with pytest.raises(PluginError) as caught:
        registry.load(registry.find("translator", "x"))
    assert str(caught.value).startswith("translator 'x' (./registry.toml): ")
    assert UNLOADABLE[entry] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_metric_over_segmentations_may_not_need_anything(project, write):
    write(
        project / "registry.toml", '[[metric]]\nname = "x"\nentry = "toys.py:Overlap"\nneeds = ["target_segmenter"]\n'
    )
    registry = load_registry(project)
    with pytest.raises(PluginError, match="only metrics over translations are given what they need"):
        registry.load(registry.find("metric", "x"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_of_no_contract_is_refused_for_every_kind(project, write, kind):
    write(project / "registry.toml", f'[[{kind}]]\nname = "x"\nentry = "toys.py:Schedule"\n')
    registry = load_registry(project)
    with pytest.raises(PluginError, match="to be a class derived from"):
        registry.load(registry.find(kind, "x"))


def test_a_registry_file_says_all_that_a_package_can_say(project, write):
    said = PluginSpec("translator", "x", "a:B", needs=("paired",), distribution="./registry.toml")
    row = {name: value for name, value in asdict(said).items() if name not in ("kind", "distribution")}
    rows = "\n".join(f"{name} = {json.dumps(value)}" for name, value in row.items())
    write(project / "registry.toml", f"[[translator]]\n{rows}")
    assert load_registry(project).find("translator", "x") == said


def test_options_of_another_base_are_refused(project, write):
    write(
        project / "registry.toml",
        '[[translator]]\nname = "x"\nentry = "toys.py:Dream"\noptions = "toys.py:Schedule"\n',
    )
    registry = load_registry(project)
    with pytest.raises(PluginError, match="must subclass PluginOptions"):
        registry.options_class(registry.find("translator", "x"))


WRONG_FILES = {
    '[[translator]]\nname = "x"\nentry = "a:B"\nsumary = "y"': (
        "translator.0.sumary: unknown option. Did you mean 'summary'?"
    ),
    '[[translater]]\nname = "x"': "registry.toml: translater: unknown option. Did you mean 'translator'?",
    '[[translator]]\nname = "x"': "translator.0.entry: is missing",
    "[[translator]": "not valid TOML",
}


@pytest.mark.parametrize("text", WRONG_FILES)
def test_a_mistake_in_a_registry_file_is_one_line(project, write, text):
    write(project / "registry.toml", text)
    with pytest.raises(UsageError) as caught:
        load_registry(project)
    assert WRONG_FILES[text] in str(caught.value)


ROOMS = {"size": (4, 8), "source": {"dataset": "a"}, "target": {"dataset": "b"}}


def test_scenarios_come_from_packages_and_from_the_project(registry):
    registry.add(fake(bench_register_scenarios=lambda: [Scenario(name="halls", **ROOMS)]), "x", "d")
    assert registry.scenario("halls").target.dataset == "b"
    assert registry.scenario("rooms").size == (64, 128)
    assert {"halls", "rooms"} <= set(registry.scenarios())


def test_an_unknown_scenario_is_answered_with_the_closest_one(registry):
    with pytest.raises(PluginError, match=r"scenario 'room' is not known\. Did you mean 'rooms'\?"):
        registry.scenario("room")


def test_two_scenarios_of_one_name_are_refused(registry):
    registry.add(fake(bench_register_scenarios=lambda: [Scenario(name="rooms", **ROOMS)]), "x", "dist")
    with pytest.raises(PluginError, match=r"by both configs/scenarios/rooms\.toml and dist:x"):
        registry.scenarios()


def test_scenarios_of_a_package_that_fails_are_left_out_and_reported(registry, caplog):
    registry.add(fake(bench_register_scenarios=lambda: [1 / 0]), "x", "dist")
    assert "rooms" in registry.scenarios()
    assert "dist:x" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_a_scenario_file_that_does_not_fit_is_one_line(project, write):
    write(
        project / "configs/scenarios/rooms.toml",
        'size = [4, 8]\n[sorce]\ndataset = "rooms"\n[target]\ndataset = "rooms"\n',
    )
    with pytest.raises(UsageError) as caught:
        load_registry(project).scenarios()
    assert "configs/scenarios/rooms.toml: sorce: unknown option. Did you mean 'source'?" in str(caught.value)


def test_a_missing_registry_file_registers_nothing(tmp_path):
    assert RegistryFile(tmp_path / "registry.toml", tmp_path).bench_register_plugins() == []
