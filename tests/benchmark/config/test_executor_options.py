"""Executors take options through matrix files and --set, like every other plugin."""

import pytest

from benchmark import BenchError, UsageError
from benchmark.config.resolve import resolve_matrix

LISTS = """
    scenarios = ["rooms"]
    translators = ["dream"]
    segmenters = ["net"]
    metrics = ["overlap"]
    budget = "tiny"
"""


@pytest.fixture
def resolve(project, registry, write):
    def resolve_text(top="", tables="", overrides=(), **asked):
        file = write(project / "my.toml", f"{top}\n{LISTS}\n{tables}\n".replace("    ", ""))
        return resolve_matrix(file, asked, registry, overrides=overrides)

    return resolve_text


def test_local_runs_the_stages_unless_another_executor_is_named(resolve):
    assert resolve().executor.name == "local"
    assert resolve('executor = "inline"').executor.name == "inline"
    assert resolve('executor = "inline"', executor="local").executor.name == "local"


def test_a_table_names_an_executor_and_sets_its_options(resolve):
    executor = resolve(tables='[executor.local]\ngpus = ["1"]\nslots = 2').executor
    assert (executor.options["gpus"], executor.options["slots"]) == (["1"], 2)
    assert resolve(tables='[executor.local]\ngpus = ["1"]', executor="local").executor.options["gpus"] == ["1"]


def test_set_reaches_options_of_the_executor(resolve):
    assert resolve(overrides=['executor.local.gpus=["1"]']).executor.options["gpus"] == ["1"]
    assert resolve(overrides=["executor.slots=3"]).executor.options["slots"] == 3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"overrides": ["executor.local.slits=2"]}, r"--set executor\.local\.slits: unknown option\. .*'slots'"),
        ({"overrides": ["executor.partition=2"]}, r"executor 'local' has no option 'partition'\. Its options: gpus, "),
        ({"tables": "[executor.local]\nslots = 0"}, r"my\.toml: executor\.local\.slots: must be greater than"),
        ({"tables": "[executor.local]\n[executor.inline]"}, r"tables of inline and local; choose one with --executor"),
        ({"top": 'executor = "lokal"'}, r"executor 'lokal' is not known\. Did you mean 'local'"),
    ],
)
def test_a_mistake_about_an_executor_is_one_line(resolve, wrong, message):
    with pytest.raises(BenchError, match=message):
        resolve(**wrong)


def test_threads_are_a_setting_of_the_matrix(resolve):
    assert resolve().threads == 1
    assert resolve("threads = 3").threads == 3
    assert resolve("threads = 3", threads=4).threads == 4
    with pytest.raises(UsageError, match=r"my\.toml: threads: must be greater than 0"):
        resolve("threads = 0")


def test_an_option_without_its_section_is_answered_with_the_section(resolve):
    with pytest.raises(UsageError, match=r"--set lambda_cycle: unknown option\. Did you mean translator\.lambda"):
        resolve(overrides=["lambda_cycle=5"])


@pytest.mark.parametrize("alias", ["a" * 61, "../up", "a b", ".x"])
def test_an_alias_that_could_not_be_part_of_a_file_name_is_refused(resolve, project, alias):
    with pytest.raises(UsageError, match="an alias is made of letters, digits"):
        resolve(translators=[{"name": "dream", "alias": alias}])


@pytest.mark.parametrize("name", ["a" * 61, "../../x", "/x", ".."])
def test_the_name_of_a_scenario_that_would_be_a_path_is_refused(resolve, project, name):
    text = (project / "configs/scenarios/rooms.toml").read_text()
    (project / "odd.toml").write_text(f'name = "{name}"\n{text}')
    with pytest.raises(UsageError, match="the name of a scenario is made of letters, digits"):
        resolve(scenarios=["odd.toml"])
