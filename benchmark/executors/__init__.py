"""Ways to run stages."""

from benchmark.executors.inline import InlineExecutor, InlineOptions
from benchmark.executors.local import LocalExecutor, LocalOptions

__all__ = ["InlineExecutor", "InlineOptions", "LocalExecutor", "LocalOptions"]
