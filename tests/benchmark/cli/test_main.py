"""The command line imports what it needs, and answers mistakes with one line."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from benchmark import UsageError, __version__
from benchmark.cli import main
from benchmark.cli.lazy_group import COMMANDS, LazyGroup
from benchmark.registry.packaged_files import shipped_path

COMMAND_PLUGIN = """
    import click
    from benchmark import hookimpl

    @click.command("recall")
    def recall():
        "Recall two dreams."
        click.echo("recalled")

    @hookimpl
    def bench_commands():
        return [recall]
"""
METRIC_PLUGIN = """
    from benchmark import PluginSpec, hookimpl

    @hookimpl
    def bench_register_plugins():
        return [PluginSpec("metric", "edges", "edges:Edges")]
"""


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Calls a fresh command line in an empty folder."""
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    return lambda *arguments: CliRunner().invoke(LazyGroup("bench"), list(arguments))


def raising(error):
    group = LazyGroup("bench")

    @click.command()
    def command():
        raise error

    group.get_command = lambda context, name: command
    return CliRunner().invoke(group, ["anything"])


def test_help_lists_every_command_and_imports_none():
    code = (
        "import sys; from benchmark.cli import main; main(['--help'], standalone_mode=False);"
        "heavy = ('benchmark.cli.', 'benchmark.registry.registry', 'torch', 'rich');"
        "print([m for m in sys.modules if m.startswith(heavy) and m != 'benchmark.cli.lazy_group'])"
    )
    environment = {"PYTHONPATH": str(shipped_path(""))}
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    ).stdout
    assert out.splitlines()[-1] == "[]"
    for name, (_, summary) in COMMANDS.items():
        assert name in out
        assert summary in out


def test_the_version_is_printed():
    assert CliRunner().invoke(main, ["--version"]).output == f"bench, version {__version__}\n"


def test_python_dash_m_is_bench():
    environment = {"PYTHONPATH": str(shipped_path(""))}
    done = subprocess.run(
        [sys.executable, "-m", "benchmark", "matrx"], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "Error: 'matrx' is no command of bench. Did you mean 'matrix'?  (bench --help)\n"


def test_a_mistake_is_one_line_and_exit_code_2():
    result = raising(UsageError("expected this"))
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", "Error: expected this\n")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--versoin"], "'--versoin' is no option of this command. Did you mean '--version'?  (bench --help)"),
        (
            ["matrix", "--transltors", "a"],
            "'--transltors' is no option of this command. Did you mean '--translators'?  (bench matrix --help)",
        ),
        (["matrix", "--slots", "0"], "Invalid value for '--slots': 0 is not in the range x>=1.  (bench matrix --help)"),
        (["run", "--seed", "x"], "Invalid value for '--seed': 'x' is not a valid whole number.  (bench run --help)"),
        (["run", "--translator", "a"], "Missing option '--segmenter'.  (bench run --help)"),
        (["matrix", "a", "b"], "Got unexpected extra argument (b)  (bench matrix --help)"),
        (["plugins", "lst"], "No such command 'lst'. Did you mean 'list'?  (bench plugins --help)"),
    ],
)
def test_a_wrong_argument_is_one_line_that_names_the_help(arguments, line):
    result = CliRunner().invoke(main, arguments, prog_name="bench")
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"Error: {line}\n")


@pytest.mark.parametrize("arguments", [[], ["plugins"]])
def test_without_a_command_the_help_is_printed(arguments):
    assert "Commands:" in CliRunner().invoke(main, arguments).output


def test_a_working_folder_that_was_removed_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    result = CliRunner().invoke(main, ["plugins", "list"])
    assert result.exit_code == 2
    assert result.stderr == "Error: the working folder is not there any more; change to one that is\n"


def test_an_interrupt_ends_quietly_with_130():
    result = raising(KeyboardInterrupt())
    assert result.exit_code == 130
    assert result.stderr == "Interrupted; what is finished is kept.\n"


def test_a_package_adds_a_command_and_its_help_line(install, call):
    install("remote-dreams", COMMAND_PLUGIN)
    assert call("recall").output == "recalled\n"
    assert "Recall two dreams." in call("--help").output


def test_a_package_cannot_replace_a_command(install, call):
    install("remote-dreams", COMMAND_PLUGIN.replace('"recall"', '"plugins"'))
    assert "cyclegan" in call("plugins", "list").output


def test_help_comes_even_when_two_packages_clash(install, call):
    install("remote-dreams", METRIC_PLUGIN)
    install("other-dreams", METRIC_PLUGIN)
    assert "leaderboard" in call("--help").output
    assert call("plugins", "list").exit_code == 0
