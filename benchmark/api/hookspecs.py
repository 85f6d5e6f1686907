"""Every hook of bench: the page a plugin author reads first.

Implement a hook by writing a function of the same name, marked with `hookimpl`, in a module that the entry-point
group `bench` names; each takes the arguments it wants, by name:

    # my_package/bench_plugin.py
    from benchmark import PluginSpec, hookimpl

    @hookimpl
    def bench_register_plugins():
        return [PluginSpec("translator", "dream", "my_package.dream:Dream", summary="Paints what it dreamt.")]

    # pyproject.toml
    [project.entry-points.bench]
    my_package = "my_package.bench_plugin"

A project folder names such modules in its `registry.toml`: `hooks = ["my_hooks.py"]`.

Keep that module light: it is imported by every `bench` command. What a spec's entry names is imported only in
the process that needs it. A function whose name starts with `bench_` but is no hook is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import click

    from benchmark.api.cli_option import CommandOption
    from benchmark.api.doctor_check import DoctorCheck
    from benchmark.api.scenario import Scenario
    from benchmark.api.spec import PluginSpec

PROJECT = "bench"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def bench_register_plugins() -> Sequence[PluginSpec]:  # type: ignore[empty-body]
    """Register translators, segmenters, metrics, data sets and executors.

    Called once, when the registry is first needed.

    Returns:
        Light descriptions; of two plugins of one kind and name none can be used, save a shipped one.

    Example:
        return [PluginSpec("metric", "edges", "my_package.edges:EdgeOverlap", version="2")]
    """


@hookspec
def bench_register_scenarios() -> Sequence[Scenario | Path]:  # type: ignore[empty-body]
    """Register scenarios, as objects or as paths of TOML files of the same fields.

    Called once, when scenarios are first needed.

    Example:
        return [Path(__file__).parent / "night_rain.toml"]
    """


@hookspec
def bench_register_budgets() -> Mapping[str, Path]:  # type: ignore[empty-body]
    """Add tables of this package's own plugins and scenarios to budgets, by the name of the budget.

    Called when a matrix is resolved that uses something of the package. A table `[translator.NAME]` of such a file
    wins over the budget's `[translator."*"]`, and loses to a table of the same name in the budget itself. It may
    address only what the package registers.

    Returns:
        Paths of TOML files of the form of a budget. Names of budgets that are not there do no harm.

    Example:
        return {"cpu": Path(__file__).parent / "budget_cpu.toml"}
    """


@hookspec
def bench_run_started(results: Path, cells: int, stages: int) -> None:
    """A matrix starts: so many cells, so many stages still to run. Called in the driver."""


@hookspec
def bench_run_finished(results: Path, failed: int) -> None:
    """A matrix ended, with so many failed cells. Called in the driver."""


@hookspec
def bench_stage_started(kind: str, key: str, plugin: str, seed: int | None) -> None:
    """A stage was handed to an executor. Called in the driver."""


@hookspec
def bench_stage_finished(kind: str, key: str, plugin: str, seed: int | None, seconds: float, folder: Path) -> None:
    """A stage is done; `folder` holds its files. Called in the driver."""


@hookspec
def bench_stage_failed(kind: str, key: str, plugin: str, seed: int | None, status: str, reason: str) -> None:
    """A stage failed; `status` is one of failed, oom, timeout, interrupted, invalid. Called in the driver."""


@hookspec
def bench_log(key: str, progress: Mapping[str, Any]) -> None:
    """New progress of a running stage: `done`, `total`, `unit` and its latest scalars. Called in the driver.

    Example:
        my_dashboard.push(key, progress.get("loss_cycle"))
    """


@hookspec
def bench_leaderboard_columns(records: Sequence[Mapping[str, Any]]) -> Mapping[str, float | None]:  # type: ignore[empty-body]
    """Extra numeric columns of one leaderboard row.

    Called for each row with the records (one per seed) it is made of.

    Example:
        return {"gpu_hours": sum(r["cost"]["seconds"] for r in records) / 3600}
    """


@hookspec
def bench_report_sections(results: Path) -> Sequence[tuple[str, str]]:  # type: ignore[empty-body]
    """Extra sections of a markdown report, as pairs of title and markdown text.

    Called when `bench leaderboard --format markdown` prints.
    """


@hookspec
def bench_doctor_checks() -> Iterable[DoctorCheck]:  # type: ignore[empty-body]
    """Check what the package needs of this machine: libraries, versions, files.

    Called by `bench doctor` alone; it may import what it checks. What it raises becomes a failed check.

    Example:
        yield DoctorCheck("ok", "dream weights", "found")
    """


@hookspec
def bench_command_options() -> Sequence[CommandOption]:  # type: ignore[empty-body]
    """Extra options of `bench run` and `bench matrix`, each short for a `--set` option.

    Called when one of the two commands reads its options. A flag that is taken already is left out.

    Example:
        return [CommandOption("--dream-depth", "translator.dream.depth", "number", "Layers of the dreamer.")]
    """


@hookspec
def bench_commands() -> Sequence[click.Command]:  # type: ignore[empty-body]
    """Extra commands of the `bench` command line.

    Called when a command is not one of bench's own, and for `bench --help`.
    """
