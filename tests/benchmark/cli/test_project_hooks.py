"""A project folder uses every hook: modules that its `registry.toml` names, as those of installed packages."""

import json

import pytest
from click.testing import CliRunner

from benchmark.cli import main
from benchmark.cli.lazy_group import LazyGroup
from benchmark.registry.registry import load_registry

HOOKS = """
    import click

    from benchmark import CommandOption, DoctorCheck, hookimpl

    @hookimpl
    def bench_commands():
        return [click.Command("dreams", callback=lambda: click.echo("sleeping"), short_help="What dreams are there.")]

    @hookimpl
    def bench_doctor_checks():
        yield DoctorCheck("ok", "dream weights", "found")
        raise ValueError("no disk")

    @hookimpl
    def bench_command_options():
        return [
            CommandOption("--dream-length", "translator.dream.images_seen", "number", "Images the dreamer sees."),
            CommandOption("--budget", "translator.dream.images_seen", "text", "Taken already."),
        ]

    @hookimpl
    def bench_leaderboard_columns(records):
        return {"hours": 1.0}
"""


@pytest.fixture(autouse=True)
def hooks(project, write):
    write(project / "my_hooks.py", HOOKS)
    registry = project / "registry.toml"
    registry.write_text('hooks = ["my_hooks.py"]\n' + registry.read_text())
    return project


def bench(*arguments):
    return CliRunner().invoke(main, list(arguments))


def test_columns_of_a_project_reach_the_leaderboard(project):
    assert load_registry(project).hook.bench_leaderboard_columns(records=[]) == [{"hours": 1.0}]


def test_commands_of_a_project_stand_beside_the_others():
    group = LazyGroup("bench")
    assert "What dreams are there." in CliRunner().invoke(group, ["--help"]).output
    assert CliRunner().invoke(group, ["dreams"]).output == "sleeping\n"


def test_checks_of_a_project_stand_in_the_doctor_and_one_that_raises_is_a_finding():
    checks = json.loads(bench("doctor", "--json").stdout)
    named = {check["name"]: check for check in checks}
    assert named["dream weights"]["level"] == "ok"
    failed = [check for check in checks if check["level"] == "fail"]
    assert [check["detail"] for check in failed] == ["its checks failed: ValueError: no disk"]


def test_a_short_option_of_a_project_is_shown_and_stands_for_set(project):
    assert "Images the dreamer sees." in " ".join(bench("matrix", "--help").output.split())
    lists = ("--scenario", "rooms", "--translators", "dream", "--segmenters", "net", "--metrics", "overlap")
    wrong = bench("matrix", *lists, "--budget", "tiny", "--dream-length", "-3", "--dry-run")
    assert wrong.exit_code == 2
    assert "--set translator.dream.images_seen: must be greater than 0, but is -3" in wrong.stderr


def test_a_module_of_hooks_that_cannot_be_imported_costs_itself_alone(project, write):
    write(project / "my_hooks.py", "import nowhere\n")
    entries = load_registry(project).entries()
    assert [entry.state for entry in entries if entry.kind == "package"] == ["broken"]
    assert [entry.state for entry in entries if entry.name == "dream"] == ["ok"]


def test_help_of_a_run_names_the_usual_metrics():
    out = " ".join(bench("run", "--help").output.split())
    assert "Usual: segmentation, semantic-flip, inception, ssim, cycle-error, diversity." in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "--translator", "dream,tint", "--segmenter", "net"), "--translator: one name was expected, but got 2"),
        (("run", "--translator", "dream", "--segmenter", "net", "--results", ""), "expected a folder, but the text is"),
        (("leaderboard", "--results", ""), "expected a folder, but the text is empty"),
    ],
)
def test_wrong_use_of_a_command_is_one_line(arguments, message):
    result = bench(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
