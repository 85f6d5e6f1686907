"""Options that several commands share, and the values they stand for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, get_args

import click

from benchmark.api.stage_context import RequestedDevice, RequestedPrecision

if TYPE_CHECKING:
    from benchmark.execution.states import Retry, Reuse


class WholeNumber(click.IntRange):
    """A range of numbers that errors call what people call it."""

    name = "whole number"


REUSE: tuple[Reuse, ...] = ("only-missing", "same-code", "never", "always", "only-cache")
UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}

results_option = click.option(
    "--results",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="BENCH_RESULTS",
    default=Path("results"),
    show_default=True,
    help="Results folder; also BENCH_RESULTS.",
)


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
    """What `bench run` and `bench matrix` are told besides the names of plugins; defaults are those of the options.

    Attributes:
        results: Results folder.
        scenarios, metrics, auxiliary_segmenter, budget, device, precision, timeout, overrides: As in
            `benchmark.config.resolve.resolve_matrix`.
        fid_weights: Weights of the network of FID and KID.
        reuse, retry, fail_fast: As in `benchmark.execution.driver.execute`.
        dry_run: Only show the plan.
        style: "rich" or "json".
        executor: Name of an executor.
        slots: How many stages run side by side; None: as it fits.
        threads: CPU threads of a stage, or None for the matrix's.
    """

    results: Path
    scenarios: tuple[str, ...]
    metrics: tuple[str, ...]
    auxiliary_segmenter: str | None
    budget: str | None
    device: str | None
    precision: str | None
    timeout: float | None
    overrides: tuple[str, ...]
    fid_weights: Path | None
    reuse: Reuse
    retry: Retry
    fail_fast: bool
    dry_run: bool
    style: str
    executor: str
    slots: int | None
    threads: int | None

    @classmethod
    def taken_from(cls, arguments: Mapping[str, Any]) -> Self:
        """Out of the arguments of a command."""
        return cls(**{field.name: arguments[field.name] for field in fields(cls)})

    @property
    def all_overrides(self) -> tuple[str, ...]:
        """The `--set` options, and those that have an option of their own."""
        if self.fid_weights is None:
            return self.overrides
        return (*self.overrides, f"metric.weights={json.dumps(str(self.fid_weights.absolute()))}")


_SHARED = (
    click.option("--scenario", "scenarios", callback=names, metavar="NAMES", help="Scenarios, by name or file."),
    click.option(
        "--budget",
        metavar="NAME",
        help="smoke, cpu, gpu, paper or a file; by default gpu where there is one, cpu elsewhere.",
    ),
    click.option("--metrics", callback=names, metavar="NAMES", help="Metrics instead of all usual ones."),
    click.option(
        "--auxiliary-segmenter",
        metavar="NAME",
        help="The segmenter by which translators and metrics read images; by default the first one.",
    ),
    click.option(
        "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Set an option: translator.lambda_cycle=5"
    ),
    click.option(
        "--fid-weights",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Inception weights for FID and KID.",
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
    click.option("--executor", default="local", show_default=True, metavar="NAME", help="What runs stages."),
    click.option(
        "--slots",
        type=WholeNumber(min=1),
        help="Stages side by side; by default one per GPU, or else cores / threads.",
    ),
    click.option("--threads", type=WholeNumber(min=1), help="CPU threads of a stage; by default 1."),
    results_option,
)


def shared_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Everything that `Settings` holds, as options of a command."""
    for option in reversed(_SHARED):
        function = option(function)
    return function
