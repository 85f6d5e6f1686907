"""Matrix files, budgets and --set become plain values, in a fixed order, or one clear line."""

import dataclasses
import json

import pytest

from benchmark import BenchError, UsageError
from benchmark.api.spec import CONTROLS
from benchmark.config.budget import default_budget
from benchmark.config.matrix_file import DEMO
from benchmark.config.resolve import resolve_matrix
from benchmark.registry.packaged_files import shipped_path

MATRIX = """
    scenarios = ["rooms"]
    translators = ["tint", "dream"]
    segmenters = ["net"]
    metrics = ["overlap"]
    budget = "tiny"
"""


@pytest.fixture
def resolve(project, registry, write):
    def resolve_text(text=MATRIX, overrides=(), **asked):
        return resolve_matrix(write(project / "my.toml", text), asked, registry, overrides=overrides)

    return resolve_text


def options(matrix, alias):
    [choice] = [c for c in (*matrix.translators, *matrix.segmenters, *matrix.metrics) if c.alias == alias]
    return choice.options


def test_a_matrix_holds_every_option_as_json_with_its_default(resolve):
    matrix = resolve()
    assert options(matrix, "net") == {"images_seen": 100, "depth": 50}
    dream = {"lambda_cycle": 10.0, "images_seen": 7, "schedule": {"kind": "linear", "warmup": 0}}
    dream["teacher"] = False
    assert options(matrix, "dream") == dream
    assert matrix.scenarios[0].source.options == {"count": 10, "look": "day"}
    assert matrix.scenarios[0].target.options == {"count": 10, "look": "night"}
    assert (matrix.seeds, matrix.budget, matrix.timeout) == ((0,), "tiny", None)
    versions = {choice.alias: choice.version for choice in matrix.translators}
    assert versions == {"source-only": "1", "tint": "1", "dream": "3", "oracle": "1"}
    assert json.loads(json.dumps(dataclasses.asdict(matrix.translators[1])))["options"] == {"strength": 1.0}


def test_missing_controls_stand_first_and_last(resolve):
    assert [choice.alias for choice in resolve().translators] == ["source-only", "tint", "dream", "oracle"]


def test_controls_stay_where_they_are_listed(resolve):
    matrix = resolve(translators=["oracle", "tint"])
    assert [(choice.kind, choice.alias) for choice in matrix.translators] == [
        ("control", "source-only"),
        ("control", "oracle"),
        ("translator", "tint"),
    ]
    assert [choice.alias for choice in resolve(translators=list(CONTROLS)).translators] == list(CONTROLS)


LAYERS = [
    ("", (), 100),
    ('[translator."*"]\nimages_seen = 1\n', (), 1),
    ('[translator.dream]\nimages_seen = 2\n[translator."*"]\nimages_seen = 1\n', (), 2),
]


@pytest.mark.parametrize(("budget", "overrides", "expected"), LAYERS)
def test_a_budget_table_of_a_plugin_wins_over_the_one_for_all(resolve, project, write, budget, overrides, expected):
    write(project / "mine.toml", budget)
    assert options(resolve(budget="mine.toml", overrides=overrides), "dream")["images_seen"] == expected


def test_file_then_entry_then_set_win_over_the_budget(resolve):
    tables = MATRIX + "[translator.dream]\nimages_seen = 20\n"
    entry = tables.replace('"dream"]', '{name = "dream", options = {images_seen = 30}}]')
    assert options(resolve(tables), "dream")["images_seen"] == 20
    assert options(resolve(entry), "dream")["images_seen"] == 30
    assert options(resolve(entry, overrides=["translator.images_seen=40"]), "dream")["images_seen"] == 40
    both = ["translator.dream.images_seen=50", "translator.images_seen=60"]
    assert options(resolve(entry, overrides=both), "dream")["images_seen"] == 50


def test_set_without_a_name_reaches_all_that_have_the_option_and_no_other(resolve):
    matrix = resolve(overrides=["translator.images_seen=5"])
    assert options(matrix, "dream")["images_seen"] == 5
    assert options(matrix, "tint") == {"strength": 1.0}
    assert options(matrix, "net")["images_seen"] == 100


def test_set_reaches_an_option_within_an_option(resolve):
    matrix = resolve(overrides=["translator.schedule.warmup=3", 'translator.dream.schedule.kind="cosine"'])
    assert options(matrix, "dream")["schedule"] == {"kind": "cosine", "warmup": 3}


def test_scenarios_are_changed_by_tables_and_set(resolve):
    text = MATRIX + '[scenario.rooms]\ncheckpoint = "source-val"\ntarget.options.count = 4\n'
    [scenario] = resolve(text, overrides=["scenario.size=[8, 16]", "scenario.rooms.source.options.count=2"]).scenarios
    assert (scenario.size, scenario.checkpoint) == ((8, 16), "source-val")
    assert scenario.source.options == {"count": 2, "look": "day"}
    assert scenario.target.options == {"count": 4, "look": "night"}


def test_a_budget_for_all_scenarios_sets_data_options_where_they_exist(resolve, project, write):
    write(project / "mine.toml", '[scenario."*"]\nsize = [4, 8]\nsource.options = {count = 1, length = 9}\n')
    [scenario] = resolve(budget="mine.toml").scenarios
    assert scenario.size == (4, 8)
    assert scenario.source.options == {"count": 1, "look": "day"}


def test_one_plugin_stands_in_two_aliased_rows(resolve):
    two = '["dream", {name = "dream", alias = "dream-weak", options = {lambda_cycle = 1}}]'
    text = MATRIX.replace('["tint", "dream"]', two)
    matrix = resolve(text, overrides=["translator.dream.images_seen=3", "translator.dream-weak.images_seen=4"])
    assert [choice.name for choice in matrix.translators[1:3]] == ["dream", "dream"]
    assert options(matrix, "dream")["lambda_cycle"] == 10
    assert options(matrix, "dream")["images_seen"] == 3
    assert options(matrix, "dream-weak")["lambda_cycle"] == 1
    assert options(matrix, "dream-weak")["images_seen"] == 4
    only = resolve(text, translators=["dream-weak"])
    assert options(only, "dream-weak")["lambda_cycle"] == 1


def test_the_first_segmenter_reads_unless_another_is_named(resolve):
    two = MATRIX.replace('["net"]', '["net", {name = "net", alias = "deep", options = {depth = 101}}]')
    assert resolve(two).auxiliary_segmenter.alias == "net"
    deep = resolve(two.replace("metrics =", 'auxiliary_segmenter = "deep"\nmetrics ='))
    assert deep.auxiliary_segmenter == deep.segmenters[1]
    assert deep.auxiliary_segmenter.options["depth"] == 101
    assert resolve(two, auxiliary_segmenter="deep").auxiliary_segmenter == deep.auxiliary_segmenter
    assert resolve(two, overrides=['auxiliary_segmenter="deep"']).auxiliary_segmenter == deep.auxiliary_segmenter


def test_the_auxiliary_segmenter_may_stand_beside_the_segmenters_and_takes_options_like_one(resolve):
    table = MATRIX.replace(
        "metrics =", 'auxiliary_segmenter = {name = "net", alias = "judge", options = {depth = 18}}\nmetrics ='
    )
    matrix = resolve(table, overrides=["segmenter.judge.images_seen=3"])
    assert [choice.alias for choice in matrix.segmenters] == ["net"]
    assert (matrix.auxiliary_segmenter.alias, matrix.auxiliary_segmenter.options) == (
        "judge",
        {"images_seen": 3, "depth": 18},
    )
    assert options(matrix, "net") == {"images_seen": 100, "depth": 50}


def test_a_alias_of_the_file_names_the_auxiliary_segmenter_also_where_its_segmenter_is_left_out(resolve):
    two = MATRIX.replace('["net"]', '["net", {name = "net", alias = "deep", options = {depth = 101}}]')
    matrix = resolve(two.replace("metrics =", 'auxiliary_segmenter = "deep"\nmetrics ='), segmenters=["net"])
    assert (matrix.auxiliary_segmenter.alias, matrix.auxiliary_segmenter.options["depth"]) == ("deep", 101)


def test_an_unknown_auxiliary_segmenter_is_one_line(resolve):
    with pytest.raises(BenchError, match=r"segmenter 'nett' is not known\. Did you mean 'net'\?"):
        resolve(auxiliary_segmenter="nett")
    with pytest.raises(UsageError, match=r"my\.toml: auxiliary_segmenter: must be a table"):
        resolve(f"auxiliary_segmenter = 3\n{MATRIX}")


def test_the_command_line_replaces_lists_and_top_level_values(resolve):
    matrix = resolve(translators=["tint"], seeds=[3, 4], timeout=60, device="cpu", overrides=['precision="bf16"'])
    assert [choice.alias for choice in matrix.translators] == ["source-only", "tint", "oracle"]
    assert (matrix.seeds, matrix.timeout, matrix.device, matrix.precision) == ((3, 4), 60, "cpu", "bf16")
    assert resolve(seeds=[3], overrides=["seeds=[0, 1]"]).seeds == (0, 1)


def test_without_a_file_lists_come_from_the_demo(registry):
    lists = {"scenarios": ["rooms"], "translators": ["dream"], "segmenters": ["net"], "metrics": ["overlap"]}
    matrix = resolve_matrix(None, {**lists, "budget": "tiny"}, registry)
    assert matrix.scenarios[0].name == "rooms"
    assert matrix.seeds == (0,)
    assert (shipped_path("configs/matrices") / f"{DEMO}.toml").is_file()


def test_a_scenario_may_be_a_file(resolve, project):
    file = project / "configs/scenarios/rooms.toml"
    text = file.read_text()
    (project / "other.toml").write_text(f'name = "elsewhere"\n{text}')
    assert resolve(scenarios=["other.toml"]).scenarios[0].name == "elsewhere"


def test_two_scenarios_of_one_name_are_refused(resolve, project):
    (project / "other.toml").write_text('name = "rooms"\n' + (project / "configs/scenarios/rooms.toml").read_text())
    with pytest.raises(UsageError, match="two scenarios of this matrix are named 'rooms'"):
        resolve(scenarios=["rooms", "other.toml"])


def test_a_matrix_may_be_named(project, registry, write):
    write(project / "configs/matrices/mine.toml", MATRIX)
    assert resolve_matrix("mine", {}, registry).budget == "tiny"


def test_a_table_of_a_plugin_that_is_left_out_is_fine(resolve):
    text = MATRIX + "[translator.dream]\nimages_seen = 20\n"
    assert options(resolve(text, translators=["tint"]), "tint") == {"strength": 1.0}


WRONG = {
    "[translator.dream]\nlamda_cycle = 1": (
        "my.toml: translator.dream.lamda_cycle: unknown option. Did you mean 'lambda_cycle'?"
    ),
    "[translator.dream]\nlambda_cycle = -1": (
        "my.toml: translator.dream.lambda_cycle: must be greater than or equal to 0, but is -1"
    ),
    "[translator.dream]\nschedule = {kind = 'linear', warm = 1}": (
        "my.toml: translator.dream.schedule.warm: unknown option. Did you mean 'warmup'?"
    ),
    "[translator.drem]\nlambda_cycle = 1": (
        "my.toml: translator.drem.lambda_cycle: translator 'drem' is not known. Did you mean 'dream'?"
        "  (bench plugins list --kind translator)"
    ),
    '[translator."*"]\nlambda_cycel = 1': (
        "my.toml: translator.*.lambda_cycel: no translator of this matrix has this option. Did you mean 'lambda_cycle'?"
    ),
    "[translator.oracle]\ndepth = 1": (
        "my.toml: translator.oracle.depth: 'oracle' is a control row, which takes no options"
    ),
    "[scenario.rooms]\nsource.options.cuont = 1": (
        "my.toml: scenario.rooms.source.options.cuont: unknown option. Did you mean 'count'?"
    ),
    "[scenario.rooms]\nchekpoint = 1": "my.toml: scenario.rooms.chekpoint: unknown option. Did you mean 'checkpoint'?",
    "[translater.dream]\nx = 1": "my.toml: translater: unknown option. Did you mean 'translator'?",
    "seeds = [1, 1]": "my.toml: seeds: '1' stands there twice",
    "seeds = []": "my.toml: seeds: must have at least 1 item, but is []",
    "seeds = 1": "my.toml: seeds: must be a list, but is 1",
    "seeds = [0, -1]": "my.toml: seeds.1: must be greater than or equal to 0, but is -1",
    "seeds = [true]": "my.toml: seeds.0: must be a whole number, but is True",
    f"seeds = [{2**32}]": "my.toml: seeds.0: must be less than 4294967296, but is 4294967296",
    "[translator.dream]\nlambda_cycle = 'a'": "my.toml: translator.dream.lambda_cycle: must be a number, but is 'a'",
    "[translator.dream]\nschedule = 'linear'": "my.toml: translator.dream.schedule: must be a table, but is 'linear'",
    "[translator.dream]\nteacher = 3": (
        "my.toml: translator.dream.teacher: must be true or false, but is 3; "
        "my.toml: translator.dream.teacher: must be text, but is 3"
    ),
    "[scenario.rooms]\nsize = [8, 12, 3]": "my.toml: scenario.rooms.size: must have at most 2 items, but is [8, 12, 3]",
    "[scenario.rooms]\nsize = [0, 12]": "my.toml: scenario.rooms.size.0: must be greater than 0, but is 0",
    'device = "gpu"': "my.toml: device: must be 'auto', 'cpu' or 'cuda', but is 'gpu'",
    "[translator.dream\n": None,
}


@pytest.mark.parametrize("addition", WRONG)
def test_a_mistake_in_a_file_is_one_line_that_names_the_key(resolve, addition):
    top_level = not addition.startswith("[")
    with pytest.raises(BenchError) as caught:
        resolve(f"{addition}\n{MATRIX}" if top_level else MATRIX + addition)
    expected = WRONG[addition]
    assert "\n" not in str(caught.value)
    if expected is None:
        assert str(caught.value).startswith("my.toml: not valid TOML: ")
        assert "line 7" in str(caught.value)
    else:
        assert str(caught.value) == expected


WRONG_SETS = {
    "translator.dream.lambda_cycel=1": (
        "--set translator.dream.lambda_cycel: unknown option. Did you mean 'lambda_cycle'?"
    ),
    "translator.lambda_cycel=1": (
        "--set translator.lambda_cycel: no translator of this matrix has the name or option 'lambda_cycel'. "
        "Did you mean 'lambda_cycle'? It uses: dream, tint"
    ),
    "translator.schedule.knd=1": "--set translator.schedule.knd: unknown option. Did you mean 'kind'?",
    "translator.dream.schedule.kind=1": (
        "--set translator.dream.schedule.kind: must be 'linear' or 'cosine', but is 1"
    ),
    "translator.schedule.kind=cosine": (
        "--set translator.schedule.kind=cosine: expected a TOML value, but 'cosine' is none; text must be quoted: "
        "--set 'translator.schedule.kind=\"cosine\"'"
    ),
    "translator": "--set translator: expected KEY=VALUE, as in --set translator.lambda_cycle=5",
    "translator=5": "--set translator: expected an option, as in --set translator.OPTION or translator.dream.OPTION",
    "translator.tint={strength = 5}": (
        "--set translator.tint: expected an option, as in --set translator.OPTION or translator.tint.OPTION"
    ),
    "seed=1": (
        "--set seed: unknown option. Did you mean 'seeds'? Known: scenario, translator, segmenter, metric, "
        "executor, scenarios, translators, segmenters, auxiliary_segmenter, metrics, seeds, segmenter_seeds, "
        "source_scores, budget, precision, device, timeout, threads"
    ),
    "timeout=-1": "--set timeout: must be greater than 0, but is -1",
    "scenario.sizes=[1, 2]": (
        "--set scenario.sizes: scenario 'rooms' has no option 'sizes'. Did you mean 'size'? "
        "Its options: checkpoint, evaluate, name, paired, score_translations, size, source, summary, target"
    ),
}


@pytest.mark.parametrize("override", WRONG_SETS)
def test_a_mistake_in_set_is_one_line_that_names_it(resolve, override):
    with pytest.raises(UsageError) as caught:
        resolve(overrides=[override])
    assert str(caught.value) == WRONG_SETS[override]


def test_two_rows_of_one_alias_are_refused(resolve):
    with pytest.raises(UsageError, match=r"my.toml: translators: 'dream' stands there twice; give one an alias"):
        resolve(MATRIX.replace('"tint"', '"dream"'))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('{name = "oracle", alias = "best"}', "'oracle' is a control row, which takes no alias, options or output"),
        (
            '{name = "oracle", options = {a = 9}}',
            "'oracle' is a control row, which takes no alias, options or output",
        ),
        ('{name = "tint", alias = "oracle"}', "'oracle' is the alias of a control row; choose another"),
        (
            '{name = "tint", alias = "a b"}',
            "an alias is made of letters, digits and . _ + -, at most 60 of them, but is 'a b'",
        ),
    ],
)
def test_a_row_that_would_not_be_what_it_is_called_is_refused(resolve, entry, message):
    with pytest.raises(UsageError) as caught:
        resolve(MATRIX.replace('"tint"', entry))
    assert str(caught.value).startswith("my.toml: translators.")
    assert str(caught.value).endswith(message)


def test_an_unknown_budget_is_answered_with_the_known_ones(resolve):
    with pytest.raises(UsageError, match=r"configs/budgets holds no 'smok'. Did you mean 'smoke'"):
        resolve(budget="smok")


def test_a_missing_matrix_file_is_named(registry):
    (registry.project / "nine.toml").touch()
    with pytest.raises(UsageError) as caught:
        resolve_matrix(registry.project / "none.toml", {}, registry)
    expected = "none.toml: expected a TOML file, but it cannot be read (No such file or directory)"
    assert str(caught.value) == f"{expected}. Did you mean 'nine.toml'?"


def test_the_default_budget_follows_the_device_and_the_machine():
    assert default_budget("auto", has_gpu=False) == default_budget("cpu", has_gpu=True) == "cpu"
    assert default_budget("auto", has_gpu=True) == default_budget("cuda", has_gpu=False) == "gpu"


@pytest.mark.parametrize("name", ["smoke", "cpu", "gpu", "paper"])
def test_every_shipped_budget_can_be_used(resolve, name):
    assert resolve(budget=name).budget == name


def test_fields_of_another_kind_of_plugin_are_refused(resolve):
    with pytest.raises(UsageError, match="only segmenters have a family"):
        resolve(translators=[{"name": "tint", "family": "nets"}])
    with pytest.raises(UsageError, match="only translators have an output"):
        resolve(segmenters=[{"name": "net", "output": "source"}])


def test_family_and_output_reach_the_matrix(resolve):
    matrix = resolve(translators=[{"name": "tint", "output": "source"}], segmenters=[{"name": "net", "family": "nets"}])
    outputs = {one.alias: one.output for one in matrix.translators}
    assert outputs == {"source-only": "target", "tint": "source", "oracle": "target"}
    assert [one.family for one in matrix.segmenters] == ["nets"]


def test_seeds_leave_room_for_those_of_further_segmenters(resolve):
    assert resolve(segmenter_seeds=3).segmenter_seeds == 3
    with pytest.raises(UsageError, match="seeds below 10000 where segmenter_seeds is above 1, but one is 10000"):
        resolve(segmenter_seeds=2, seeds=[10_000])
