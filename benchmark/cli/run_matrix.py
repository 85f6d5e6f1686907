"""Runs a resolved matrix for `bench run` and `bench matrix`, and shows its results."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from benchmark.cli.leaderboard import hook_columns, print_boards
from benchmark.cli.options import Settings
from benchmark.config.matrix import Matrix
from benchmark.config.resolve import resolve_matrix
from benchmark.errors import UsageError
from benchmark.execution.driver import execute
from benchmark.execution.machine import has_gpu
from benchmark.execution.states import stage_states
from benchmark.plan.model import Plan
from benchmark.plan.planner import make_plan
from benchmark.registry.registry import Registry
from benchmark.report.export import as_json
from benchmark.report.figures.gallery import keep_pictures
from benchmark.report.live import watcher
from benchmark.report.plan_table import plan_grid, plan_json
from benchmark.report.terminal import console, print_grid
from benchmark.results.board import Board
from benchmark.results.leaderboard import boards
from benchmark.results.records import DONE, SKIPPED, read_records
from benchmark.store.store import Store, store_errors

if TYPE_CHECKING:
    from benchmark.api.executor import Executor


def matrix_asked_for(file: str | None, settings: Settings, registry: Registry, **names: Sequence[Any]) -> Matrix:
    """The matrix that a file and the command line ask for."""
    lists = {key: list(value) for key, value in names.items() if value}
    asked = {**settings.asked, **lists}
    return resolve_matrix(file, asked, registry, overrides=settings.overrides, has_gpu=has_gpu(os.environ))


def drive(matrix: Matrix, settings: Settings, registry: Registry, *, required: str = "") -> int:
    """Run a matrix, or show its plan.

    Args:
        matrix: The matrix.
        settings: What else the command line says.
        registry: Whose plugins are used.
        required: A translator without which nothing is to run.

    Returns:
        The exit code: 0, or 1 when some cell failed.

    Raises:
        UsageError: All cells of the required translator are skipped.
    """
    plan, store = make_plan(matrix, registry), Store(settings.results)
    cells = [cell for cell in plan.cells if cell.translator == required]
    if cells and all(cell.skipped for cell in cells):
        raise UsageError(f"nothing was run: {cells[0].skipped}")
    for warning in matrix.warnings:
        click.echo(f"Warning: {warning}", err=True)
    if settings.dry_run:
        states = stage_states(plan, store, reuse=settings.reuse, retry=settings.retry)
        show_plan(plan, states, settings.style)
        return 0
    failed = execute_plan(plan, store, settings, registry)
    show_outcome(plan, settings, registry)
    return 1 if failed else 0


def show_plan(plan: Plan, states: Mapping[str, str], style: str) -> None:
    """Print what is cached and what would run."""
    if style == "json":
        click.echo(json.dumps(plan_json(plan, states), indent=1))
    else:
        print_grid(plan_grid(plan, states), console())


def execute_plan(plan: Plan, store: Store, settings: Settings, registry: Registry) -> int:
    """Run the plan with live progress on standard error; how many cells are not done."""
    executor = make_executor(plan.matrix, registry)
    with watcher(console(sys.stderr)) as listener:
        summary = execute(
            plan,
            store,
            executor,
            registry,
            reuse=settings.reuse,
            retry=settings.retry,
            fail_fast=settings.fail_fast,
            listener=listener,
        )
    return summary.failed


def make_executor(matrix: Matrix, registry: Registry) -> Executor:
    """The executor of a matrix."""
    if matrix.executor is None:
        raise UsageError("the matrix names no executor")
    spec = registry.find("executor", matrix.executor.name)
    executor: Executor = registry.create(spec, matrix.executor.options)
    return executor


def show_outcome(plan: Plan, settings: Settings, registry: Registry) -> None:
    """Print the boards with rows of the plan, draw the pictures, and print where pictures and logs are."""
    records, problems = read_records(settings.results)
    for problem in problems:
        click.echo(f"Warning: {problem}", err=True)
    cells = {cell.id for cell in plan.cells}
    keys = {cell.config_key for cell in plan.cells}
    every = boards(records, lambda rows: hook_columns(registry, rows))
    found = [board for board in every if _has_row_of(board, keys)]
    out = console()
    if settings.style == "json":
        click.echo(as_json(found))
    else:
        print_boards(found, out)
    own_records = [record for record in records if record["cell"] in cells]
    with store_errors():
        pictures = keep_pictures(settings.results, own_records)
    if settings.style == "json":
        return
    for folder in sorted({path.parent for path in pictures}):
        out.print(Text(f"pictures: {settings.results / folder}"))
    if any(record["status"] not in (DONE, SKIPPED) for record in own_records):
        out.print(Text(f"logs of what failed: bench status --results {settings.results}"))


def _has_row_of(board: Board, keys: set[str]) -> bool:
    return any(row.config_key in keys for row in board.rows)
