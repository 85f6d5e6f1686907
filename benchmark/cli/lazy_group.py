"""A group of commands that imports one only when it is called, and prints a user's mistake as one line."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
from click.exceptions import NoArgsIsHelpError

from benchmark.errors import BenchError, UsageError, did_you_mean
from benchmark.registry.packaged_files import is_checkout

COMMANDS = {
    "run": ("benchmark.cli.run", "Run one translator with one segmenter, and the control rows."),
    "matrix": ("benchmark.cli.matrix", "Run scenarios x translators x segmenters x seeds."),
    "leaderboard": ("benchmark.cli.leaderboard", "Print the results of a folder as a ranked table."),
    "compare": ("benchmark.cli.compare", "Say how sure the difference of two rows is."),
    "figure": ("benchmark.cli.figure", "Draw a figure of a results folder."),
    "validity": ("benchmark.cli.validity", "Say which measures without target labels predict gains."),
    "power": ("benchmark.cli.power", "Say what a number of seeds can tell apart."),
    "status": ("benchmark.cli.status", "Show what a results folder holds and what is running in it."),
    "clean": ("benchmark.cli.clean", "Remove what no record of a results folder needs."),
    "drop": ("benchmark.cli.drop", "Remove rows, with all that only they need."),
    "plugins": ("benchmark.cli.plugins", "List plugins, and show the options of one."),
    "doctor": ("benchmark.cli.doctor", "Check this machine: versions, devices, known traps, folders."),
}
"""Name of a command -> the module whose `command` it is, and its line in the help."""
INTERRUPTED = 130


class LazyGroup(click.Group):
    """A group that knows its commands by name and summary, and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Bench's own commands, then those of plugins."""
        try:
            return [*COMMANDS, *self._plugin_commands]
        except BenchError:  # help must come in any case; `bench doctor` tells what is wrong
            return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; plugins are asked only for what is not bench's own."""
        if cmd_name in COMMANDS:
            command: click.Command = import_module(COMMANDS[cmd_name][0]).command
            return command
        return self._plugin_commands.get(cmd_name)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options before the command."""
        with _mistakes_on_one_line():
            return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name; `UsageError` with the closest one where there is none."""
        if self.get_command(ctx, args[0]) is None:
            guess = did_you_mean(args[0], self.list_commands(ctx))
            raise UsageError(f"'{args[0]}' is no command of bench.{guess}  (bench --help)")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing bench's own."""
        with formatter.section("Commands"):
            rows = [(name, self._summary(name)) for name in self.list_commands(ctx)]
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command; a mistake becomes one line (with --traceback, after all of it), Ctrl-C a quiet end."""
        try:
            with _mistakes_on_one_line(show_traceback=ctx.params.get("traceback", False)):
                _check_working_folder()
                return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("Interrupted; what is finished is kept.", err=True)
            ctx.exit(INTERRUPTED)

    def _summary(self, name: str) -> str:
        return COMMANDS[name][1] if name in COMMANDS else self._plugin_commands[name].get_short_help_str()

    @cached_property
    def _plugin_commands(self) -> dict[str, click.Command]:
        own = Path("registry.toml").is_file() and not is_checkout(Path.cwd())
        if not entry_points(group="bench") and not own:
            return {}  # nobody could bring one, and help is there at once
        from benchmark.registry.registry import load_registry

        found = {}
        for commands in load_registry().hook.bench_commands():
            for command in commands:
                if command.name and command.name not in COMMANDS:
                    found[command.name] = command
        return found


class Mistake(click.ClickException):
    """An error that click prints as one line; its own usage errors take several."""

    exit_code = BenchError.exit_code


@contextmanager
def _mistakes_on_one_line(*, show_traceback: bool = False) -> Iterator[None]:
    try:
        yield
    except BenchError as error:
        if show_traceback:
            click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
        raise Mistake(str(error)) from error
    except NoArgsIsHelpError:  # no mistake, but a question
        raise
    except click.UsageError as error:
        raise Mistake(_usage_message(error)) from error


def _usage_message(error: click.UsageError) -> str:
    message = error.format_message()
    if isinstance(error, click.NoSuchOption):
        guess = did_you_mean(error.option_name, error.possibilities or ())
        message = f"'{error.option_name}' is no option of this command.{guess}"
    return f"{message}  ({error.ctx.command_path if error.ctx else 'bench'} --help)"


def _check_working_folder() -> None:
    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise UsageError("the working folder is not there any more; change to one that is") from error
