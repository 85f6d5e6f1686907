"""`bench run`: one cell, with the control rows that it is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from benchmark.cli.options import PluginOptionsCommand, Settings, WholeNumber, shared_options
from benchmark.cli.run_matrix import drive, matrix_asked_for
from benchmark.errors import UsageError
from benchmark.registry.registry import load_registry


@click.command(cls=PluginOptionsCommand)
@click.option("--translator", required=True, metavar="NAME", help="A translator, or source-only, or oracle.")
@click.option("--segmenter", required=True, metavar="NAME", help="A segmenter.")
@click.option("--seed", type=WholeNumber(min=0), default=0, show_default=True, help="Seed.")
@click.option("--no-controls", is_flag=True, help="Without source-only and oracle: no gap_recovered then.")
@shared_options
@click.pass_context
def command(
    ctx: click.Context, /, translator: str, segmenter: str, seed: int, no_controls: bool, **shared: Any
) -> None:
    """Run one translator with one segmenter, and the control rows.

    Exit code 0 when all is done, 1 when a cell failed, 2 for wrong use.
    """
    settings, registry = Settings.from_arguments(shared, ctx), load_registry()
    _require_one("--scenario", settings.asked.get("scenarios", ()))
    _require_one("--translator", translator.split(","))
    _require_one("--segmenter", segmenter.split(","))
    matrix = matrix_asked_for(
        None, settings, registry, translators=(translator,), segmenters=(segmenter,), seeds=(seed,)
    )
    if no_controls:
        matrix = replace(matrix, translators=tuple(row for row in matrix.translators if row.alias == translator))
    ctx.exit(drive(matrix, settings, registry, required=translator))


def _require_one(option: str, names: Sequence[str]) -> None:
    if len(names) > 1:
        raise UsageError(f"{option}: one name was expected, but got {len(names)}; use `bench matrix`")
