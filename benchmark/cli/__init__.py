"""The `bench` command line."""

from __future__ import annotations

import logging
from functools import partial

import click

from benchmark import __version__
from benchmark.cli.lazy_group import LazyGroup


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bench")
@click.option("--traceback", is_flag=True, help="Print the whole traceback of an error: bench --traceback COMMAND.")
@click.pass_context
def main(ctx: click.Context, /, *, traceback: bool) -> None:
    """Which image-to-image translator best adapts which segmenter to a domain without labels?

    Without a choice of their own, `bench matrix` runs the demo and `bench leaderboard` prints its results.
    """
    if traceback:
        log = logging.getLogger("bench")
        ctx.call_on_close(partial(log.setLevel, log.level))
        log.setLevel(logging.DEBUG)  # errors of hooks are logged, then with their traceback
