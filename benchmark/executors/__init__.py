"""Ways to run stages."""

from benchmark.executors.base import Executor
from benchmark.executors.inline import InlineExecutor, InlineOptions
from benchmark.executors.local import LocalExecutor, LocalOptions

__all__ = ["Executor", "InlineExecutor", "InlineOptions", "LocalExecutor", "LocalOptions"]
