"""The `bench` command line."""

from __future__ import annotations

import click

from benchmark import __version__
from benchmark.cli.lazy_group import LazyGroup


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bench")
def main() -> None:
    """Which image-to-image translator best adapts which segmenter to a domain without labels?

    Without a choice of their own, `bench matrix` runs the demo and `bench leaderboard` prints its results.
    """
