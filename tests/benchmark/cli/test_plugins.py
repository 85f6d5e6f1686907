"""`bench plugins` tells what is registered and what can be set, without importing what is heavy."""

import json
import subprocess
import sys
from typing import Annotated, Literal

import pytest
from click.testing import CliRunner
from pydantic import BaseModel, Field

from benchmark.cli import main
from benchmark.cli.option_table import option_rows, type_name
from benchmark.registry.packaged_files import shipped_path
from benchmark.registry.registry import load_registry


def bench(*arguments):
    return CliRunner().invoke(main, list(arguments))


def test_the_list_for_programs_has_exactly_the_promised_fields(project, install):
    install("remote-dreams", "import nowhere")
    rows = json.loads(bench("plugins", "list", "--json").output)
    assert all(list(row) == ["name", "kind", "version", "distribution", "state", "error"] for row in rows)
    by_name = {(row["kind"], row["name"]): row for row in rows}
    assert by_name["translator", "cyclegan"]["distribution"] == "uda-bench"
    assert by_name["translator", "dream"]["version"] == "3"
    assert by_name["package", "remote_dreams"]["state"] == "broken"
    assert "nowhere" in by_name["package", "remote_dreams"]["error"]


def test_the_list_is_narrowed_by_pattern_and_kind(project):
    def names(*arguments):
        return [row["name"] for row in json.loads(bench("plugins", "list", "--json", *arguments).output)]

    assert names("deeplab*") == ["deeplabv3", "deeplabv3plus"]
    assert names("*e*", "--kind", "dataset") == ["streets", "folder"]
    assert names("nothing") == []


def test_the_list_for_people_has_one_line_per_plugin(project):
    heading, _, *lines = bench("plugins", "list", "*re*", "--kind", "translator").output.split("\n")
    assert heading.split() == ["name", "kind", "version", "from", "state", "summary"]
    assert [line.split()[0] for line in lines if line] == ["reinhard", "dream"]
    assert "no plugin matches 'zz'" in bench("plugins", "list", "zz").stderr


def test_listing_imports_no_torch(project):
    code = (
        "import sys; from benchmark.cli import main; main(['plugins', 'list'], standalone_mode=False);"
        "main(['plugins', 'info', 'dream'], standalone_mode=False);"
        "print([m for m in ('torch', 'mmengine', 'numpy') if m in sys.modules])"
    )
    environment = {"PYTHONPATH": str(shipped_path(""))}
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    ).stdout
    assert out.splitlines()[-1] == "[]"


def test_info_shows_each_option_with_type_default_unit_limits_and_meaning(project):
    out = bench("plugins", "info", "dream").output
    lines = {line.split()[0]: " ".join(line.split()) for line in out.splitlines() if line.strip()}
    assert lines["lambda_cycle"] == "lambda_cycle float 10.0 >= 0 Weight of the cycle loss."
    assert lines["images_seen"] == "images_seen int 100 images > 0 Length."
    assert lines["schedule.kind"] == 'schedule.kind "linear" | "cosine" "linear"'
    assert lines["version"] == "version 3"
    assert "--set translator.dream.OPTION=VALUE" in out


def test_info_of_an_unknown_plugin_suggests_one(project):
    result = bench("plugins", "info", "drem")
    assert result.exit_code == 2
    assert result.stderr == "Error: plugin 'drem' is not known. Did you mean 'dream'?  (bench plugins list)\n"


def test_info_of_a_plugin_under_another_kind_names_its_own(project):
    result = bench("plugins", "info", "dream", "--kind", "metric")
    assert result.exit_code == 2
    assert "metric 'dream' is not known. There is a translator of that name." in result.stderr


@pytest.mark.parametrize("arguments", [("list",), ("info", "augmented-cyclegan"), ("info", "folder")])
@pytest.mark.parametrize("width", ["40", "80", "200"])
def test_no_name_is_broken_however_narrow_the_terminal_is(project, monkeypatch, arguments, width):
    monkeypatch.setenv("COLUMNS", width)
    words = set(bench("plugins", *arguments).output.split())
    entries = json.loads(bench("plugins", "list", "--json").output)
    expected = {entry["name"] for entry in entries}
    if arguments[0] == "info":
        registry = load_registry(project)
        kind = "dataset" if arguments[1] == "folder" else "translator"
        expected = set(registry.options_class(registry.find(kind, arguments[1])).model_fields)
    assert expected <= words


@pytest.mark.parametrize(
    ("kind", "expected"), [("scenario", "rooms"), ("scenario", "streets"), ("budget", "tiny"), ("matrix", "demo")]
)
def test_scenarios_budgets_and_matrices_are_listed_too(project, kind, expected):
    rows = json.loads(bench("plugins", "list", "--kind", kind, "--json").output)
    assert expected in [row["name"] for row in rows]
    assert {row["kind"] for row in rows} == {kind}


def test_a_budget_that_cannot_be_read_is_listed_as_broken(project, write):
    write(project / "configs/budgets/odd.toml", "[translator")
    rows = json.loads(bench("plugins", "list", "odd", "--kind", "budget", "--json").output)
    assert [row["state"] for row in rows] == ["broken"]


def test_info_shows_how_an_executor_is_configured(project):
    out = bench("plugins", "info", "local").output
    assert "gpus" in out
    assert "--set executor.local.OPTION=VALUE" in out


def test_a_plugin_that_prints_while_it_is_imported_does_not_spoil_json(project, install):
    install("loud-dreams", "print('hello')\nfrom benchmark import hookimpl\n")
    assert json.loads(bench("plugins", "list", "--json").stdout)


def test_info_of_a_broken_package_tells_why(project, install):
    install("remote-dreams", "import nowhere")
    out = bench("plugins", "info", "remote_dreams").output
    assert "No module named 'nowhere'" in out


TYPES = [
    (int, "int"),
    (int | None, "int | none"),
    (list[str], "list[str]"),
    (tuple[int, ...], "tuple[int, ...]"),
    (Annotated[float, "unit"], "float"),
    (Literal["a", 1, True], '"a" | 1 | true'),
]


@pytest.mark.parametrize(("annotation", "expected"), TYPES)
def test_types_read_as_a_user_writes_values(annotation, expected):
    assert type_name(annotation) == expected


def test_options_within_options_are_listed_with_their_place():
    class Split(BaseModel):
        images: str = Field("", description="Where they are.")

    class Options(BaseModel):
        only: Split = Split()
        splits: dict[str, Split]
        others: list[str] = []

    assert option_rows(Options) == [
        ("only.images", "str", '""', "", "", "Where they are."),
        ("splits", "dict[str, Split]", "(required)", "", "", ""),
        ("splits.NAME.images", "str", '""', "", "", "Where they are."),
        ("others", "list[str]", "[]", "", "", ""),
    ]


def test_defaults_and_limits_are_written_out():
    class Options(BaseModel):
        path: str
        size: tuple[int, int] = (1, 2)
        flip: bool = True
        blocks: int | None = Field(None, ge=1, le=9)
        names: list[str] = Field(default_factory=lambda: ["a"], min_length=1)

    assert option_rows(Options) == [
        ("path", "str", "(required)", "", "", ""),
        ("size", "tuple[int, int]", "[1, 2]", "", "", ""),
        ("flip", "bool", "true", "", "", ""),
        ("blocks", "int | none", "none", "", ">= 1, <= 9", ""),
        ("names", "list[str]", '["a"]', "", "length >= 1", ""),
    ]


HELPER = """
    def prepare(model):
        return model.foo
"""
BAD = """
    from benchmark import Translator
    from helper_of_bad import prepare

    prepare(None)
"""


@pytest.fixture
def bad(project, write, monkeypatch):
    """A project whose translator fails in a helper when it is imported."""
    monkeypatch.delitem(sys.modules, "helper_of_bad", raising=False)
    write(project / "helper_of_bad.py", HELPER)
    write(project / "bad.py", BAD)
    write(project / "registry.toml", '[[translator]]\nname = "bad"\nentry = "bad.py:Bad"\n')
    return project


FAILED = "failed: AttributeError: 'NoneType' object has no attribute 'foo' (helper_of_bad.py, line 3)"


def test_info_of_a_plugin_that_cannot_be_imported_says_so_with_file_and_line(bad):
    out = " ".join(bench("plugins", "info", "bad").output.split())
    assert "state broken" in out
    assert FAILED in out


def test_a_syntax_error_is_shown_with_its_file_and_line(bad, write):
    write(bad / "helper_of_bad.py", "x = 1\ny = = 2\n")
    assert "(helper_of_bad.py, line 2)" in bench("plugins", "info", "bad").output


def test_a_run_of_a_plugin_that_cannot_be_imported_names_file_and_line(bad):
    outcome = bench("run", "--scenario", "streets", "--translator", "bad", "--segmenter", "deeplabv3", "--dry-run")
    assert outcome.exit_code == 2
    assert FAILED in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_the_whole_traceback_is_printed_where_it_is_asked_for(bad):
    run = ("run", "--scenario", "streets", "--translator", "bad", "--segmenter", "deeplabv3", "--dry-run")
    outcome = bench("--traceback", *run)
    assert outcome.exit_code == 2
    assert "Traceback (most recent call last)" in outcome.stderr
    assert "return model.foo" in outcome.stderr
    assert FAILED in outcome.stderr.splitlines()[-1]
