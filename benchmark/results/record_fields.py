"""What all readers of records share: the ranking value, and fields that older records do not have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.api.spec import ROLES
from benchmark.results.seed_pairs import SeedPair

RANKED_BY = "miou"
"""The value that rows are ranked by and held against the controls in: the only metric that the core knows by name."""


def seed_pair(record: Mapping[str, Any]) -> SeedPair:
    """The seeds of a cell."""
    return SeedPair(record["seed"], record.get("segmenter_seed", 0))


def role_of(record: Mapping[str, Any]) -> str | None:
    """`floor`, `ceiling` or `control`; None for a row that is no control."""
    return record.get("role") or ROLES.get(record["translator"])  # older records do not say theirs


def family_of(record: Mapping[str, Any]) -> str:
    """The name that segmenters with common control rows share."""
    return str(record.get("family") or record["segmenter"])
