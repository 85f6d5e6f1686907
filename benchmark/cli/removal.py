"""What `bench clean` and `bench drop` share: the list of what goes, and its removal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from benchmark.errors import UsageError
from benchmark.results.cleaning import Removal, remove
from benchmark.store.locks import Busy
from benchmark.store.store import Store


def print_removals(results: Path, removals: Sequence[Removal]) -> None:
    """One line for each file or folder, with its size, and the sum."""
    for removal in removals:
        path = removal.path.relative_to(results)
        click.echo(f"{size_text(removal.bytes):>9}  {path}  ({removal.why})")
    total = sum(removal.bytes for removal in removals)
    click.echo(f"{size_text(total):>9}  in all, {len(removals)} files and folders")


def remove_unless_in_use(store: Store, removals: Sequence[Removal]) -> None:
    """Remove; `UsageError` when another bench works in the results folder."""
    try:
        remove(store, removals)
    except Busy as error:
        raise UsageError(f"{store.results}: another bench works in this folder; wait for its end") from error


def size_text(number: int) -> str:
    """A size as people say it.

    >>> size_text(999), size_text(1_500_000)
    ('0.0 MB', '1.5 MB')
    """
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.1f} MB"
