"""Options that several commands share, and the values they stand for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, get_args

import click
from click.core import ParameterSource

from benchmark.api.cli_option import CommandOption
from benchmark.api.stage_context import RequestedDevice, RequestedPrecision
from benchmark.errors import BenchError, UsageError

if TYPE_CHECKING:
    from benchmark.execution.states import Retry, Reuse


class WholeNumber(click.IntRange):
    """A range of numbers that errors call what people call it."""

    name = "whole number"


REUSE: tuple[Reuse, ...] = ("only-missing", "same-code", "never", "always", "only-cache")
UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}

ASKED = (
    "scenarios",
    "metrics",
    "auxiliary_segmenter",
    "budget",
    "device",
    "precision",
    "timeout",
    "threads",
    "executor",
)
"""Options that stand for a key of a matrix file."""
_OVERRIDES, _PLUGIN_OPTIONS = "bench.overrides", "bench.plugin_options"
"""Where a click context keeps the `--set` texts that options of plugins stand for, and these options."""


class ResultsFolder(click.Path):
    """The path of a folder; an empty text, which would mean the working folder, is refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path that a text names."""
        if value == "":
            self.fail("expected a folder, but the text is empty", param, ctx)
        return super().convert(value, param, ctx)


results_option = click.option(
    "--results",
    type=ResultsFolder(file_okay=False, path_type=Path),
    envvar="BENCH_RESULTS",
    default=Path("results"),
    show_default=True,
    help="Results folder; also BENCH_RESULTS.",
)


def results_folders(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command take results folders as arguments instead of `--results`; its function gets them as `folders`."""

    @wraps(function)
    def with_folders(*arguments: Any, folders: tuple[Path, ...], results: Path, **options: Any) -> Any:
        source = click.get_current_context().get_parameter_source("results")
        if folders and source is ParameterSource.COMMANDLINE:
            raise UsageError(
                f"expected results folders as arguments or --results, but got both: {folders[0]}, {results}"
            )
        return function(*arguments, folders=folders or (results,), **options)

    folder = ResultsFolder(file_okay=False, path_type=Path)
    argument = click.argument("folders", metavar="[RESULTS]...", nargs=-1, type=folder)
    return argument(results_option(with_folders))


def names(ctx: click.Context, option: click.Parameter, text: str | None) -> tuple[str, ...]:
    """Words joined by commas, each once; nothing where the option was not given."""
    if text is None:
        return ()
    found = tuple(part.strip() for part in text.split(","))
    if not all(found) or len(set(found)) < len(found):
        raise click.BadParameter(f"expected names joined by commas, each once, but got '{text}'", ctx, option)
    return found


def numbers(ctx: click.Context, option: click.Parameter, text: str | None) -> tuple[int, ...]:
    """Whole numbers joined by commas, each once; nothing where the option was not given."""
    found = tuple(int(part) for part in (text or "").split(",") if re.fullmatch(r"\s*[0-9]+\s*", part))
    if text is not None and len(set(found)) < text.count(",") + 1:
        expected = "expected whole numbers joined by commas, each once, as in 0,1,2"
        raise click.BadParameter(f"{expected}, but got '{text}'", ctx, option)
    return found


def seconds(ctx: click.Context, option: click.Parameter, text: str | None) -> float | None:
    """A length of time, in seconds: `90`, `90s`, `15m`, `2h`."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|)", text.strip())
    if match is None or float(match[1]) == 0:
        raise click.BadParameter(f"expected a length of time as in 90s, 15m or 2h, but got '{text}'", ctx, option)
    return float(match[1]) * UNITS[match[2]]


@dataclass(frozen=True)
class Settings:
    """What `bench run` and `bench matrix` are given besides the names of plugins.

    Attributes:
        results: Results folder.
        asked: What stands instead of values of the matrix file, by key, as `benchmark.config.resolve.resolve_matrix`
            takes it.
        overrides: `--set` texts, those that other options stand for among them.
        reuse, retry, fail_fast: As in `benchmark.execution.driver.execute`.
        dry_run: Only show the plan.
        style: "rich" or "json".
    """

    results: Path
    asked: Mapping[str, Any]
    overrides: tuple[str, ...]
    reuse: Reuse
    retry: Retry
    fail_fast: bool
    dry_run: bool
    style: str

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any], ctx: click.Context) -> Self:
        """Out of the arguments of a command."""
        given = {key: arguments[key] for key in ASKED if arguments[key] not in (None, ())}
        lists = {key: list(value) if isinstance(value, tuple) else value for key, value in given.items()}
        short = [f"executor.slots={arguments['slots']}"] if arguments["slots"] is not None else []
        own = ("results", "reuse", "retry", "fail_fast", "dry_run", "style")
        return cls(
            asked=lists,
            overrides=(*arguments["overrides"], *short, *ctx.meta.get(_OVERRIDES, ())),
            **{name: arguments[name] for name in own},
        )


class MetricsOption(click.Option):
    """`--metrics`, whose help names the usual metrics; they come from the registry, which is read for help alone."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Flag and help."""
        from benchmark.registry.registry import load_registry

        try:
            usual = ", ".join(load_registry().default_metrics())
        except BenchError:  # help must come in any case; running the command tells what is wrong
            usual = "not known, for the registry cannot be read"
        self.help = f"Metrics instead of the usual ones, or changes of them: +mine,-fid. Usual: {usual}."
        return super().get_help_record(ctx)


class PluginOptionsCommand(click.Command):
    """A command that also takes the options that plugins bring (`bench_command_options`)."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own options, then those of plugins."""
        own = super().get_params(ctx)
        flags = {flag for parameter in own for flag in parameter.opts}
        if _PLUGIN_OPTIONS not in ctx.meta:  # click asks several times, and the registry is read once
            ctx.meta[_PLUGIN_OPTIONS] = [_click_option(option) for option in _plugin_options()]
        further = []
        for parameter in ctx.meta[_PLUGIN_OPTIONS]:
            if not flags & set(parameter.opts):
                flags |= set(parameter.opts)
                further.append(parameter)
        return [*own[:-1], *further, *own[-1:]]


def _plugin_options() -> list[CommandOption]:
    from benchmark.registry.registry import load_registry

    try:
        returned = load_registry().hook.bench_command_options()
    except BenchError:  # the command itself reads the registry again, and tells what is wrong
        return []
    found: list[CommandOption] = []
    for options in returned:
        found += [option for option in options if isinstance(option, CommandOption)]
    return found


def _click_option(option: CommandOption) -> click.Option:
    types = {"text": str, "number": float, "file": click.Path(exists=True, dir_okay=False, path_type=Path)}

    def add_override(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value is not None:
            plain = str(value.absolute()) if isinstance(value, Path) else value
            ctx.meta.setdefault(_OVERRIDES, []).append(f"{option.sets}={json.dumps(plain)}")

    return click.Option(
        [option.flag], type=types[option.value], help=option.help, callback=add_override, expose_value=False
    )


_SHARED = (
    click.option("--scenario", "scenarios", callback=names, metavar="NAMES", help="Scenarios, by name or file."),
    click.option(
        "--budget",
        metavar="NAME",
        help="smoke, cpu, gpu, paper or a file; by default gpu where there is one, cpu elsewhere.",
    ),
    click.option("--metrics", cls=MetricsOption, callback=names, metavar="NAMES"),
    click.option(
        "--auxiliary-segmenter",
        metavar="NAME",
        help="The segmenter by which translators and metrics read images; by default the first one.",
    ),
    click.option(
        "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Set an option: translator.lambda_cycle=5"
    ),
    click.option("--device", type=click.Choice(get_args(RequestedDevice)), help="Where to train."),
    click.option("--precision", type=click.Choice(get_args(RequestedPrecision)), help="How to train."),
    click.option("--timeout", callback=seconds, metavar="TIME", help="Longest time of a stage: 90s, 15m, 2h."),
    click.option(
        "--reuse",
        type=click.Choice(REUSE),
        default=REUSE[0],
        show_default=True,
        help="only-missing runs what is not there, same-code also what other code than today's has run, never runs "
        "all again, only-cache runs nothing; always is only-missing that leaves interrupted stages.",
    ),
    click.option(
        "--retry",
        type=click.Choice(("interrupted", "failed")),
        default="interrupted",
        show_default=True,
        help="Which failures to run again: those ended from outside, or all.",
    ),
    click.option("--fail-fast", is_flag=True, help="Stop at the first failure."),
    click.option("--dry-run", is_flag=True, help="Show the plan and run nothing."),
    click.option(
        "--format", "style", type=click.Choice(("rich", "json")), default="rich", help="Of the plan or leaderboard."
    ),
    click.option("--executor", metavar="NAME", help="What runs stages; by default local."),
    click.option(
        "--slots",
        type=WholeNumber(min=1),
        help="Stages side by side; by default one per GPU, or else per core. Short for --set executor.slots=N.",
    ),
    click.option("--threads", type=WholeNumber(min=1), help="CPU threads of a stage, part of its key; by default 1."),
    results_option,
)


def shared_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that `Settings.from_arguments` reads to a command."""
    for option in reversed(_SHARED):
        function = option(function)
    return function
