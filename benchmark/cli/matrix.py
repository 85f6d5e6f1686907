"""`bench matrix`: scenarios x translators x segmenters x seeds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from benchmark.cli.options import PluginOptionsCommand, Settings, WholeNumber, names, numbers, shared_options
from benchmark.cli.run_matrix import drive, matrix_asked_for
from benchmark.registry.registry import load_registry


@click.command(cls=PluginOptionsCommand)
@click.argument("file", required=False)
@click.option("--translators", callback=names, metavar="NAMES", help="Translators; the controls are added.")
@click.option("--segmenters", callback=names, metavar="NAMES", help="Segmenters.")
@click.option("--seeds", callback=numbers, metavar="NUMBERS", help="Seeds, as in 0,1,2.")
@click.option(
    "--segmenter-seeds",
    type=WholeNumber(min=1),
    metavar="NUMBER",
    help="Segmenters trained on the translations of each seed; by default 1.",
)
@shared_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    file: str | None,
    translators: tuple[str, ...],
    segmenters: tuple[str, ...],
    seeds: tuple[int, ...],
    segmenter_seeds: int | None,
    **shared: Any,
) -> None:
    """Run a matrix: the one of FILE (a path, or a name), or of the options, or else the demo.

    What is finished already is reused; what fails is a row with its reason, and the rest goes on.
    Exit code 0 when all is done, 1 when some cell failed, 2 for wrong use.
    """
    settings, registry = Settings.from_arguments(shared, ctx), load_registry()
    if segmenter_seeds is not None:
        settings = replace(settings, asked={**settings.asked, "segmenter_seeds": segmenter_seeds})
    matrix = matrix_asked_for(file, settings, registry, translators=translators, segmenters=segmenters, seeds=seeds)
    ctx.exit(drive(matrix, settings, registry))
