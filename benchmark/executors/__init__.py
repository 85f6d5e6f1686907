"""Ways to run stages."""

from benchmark.executors.base import Executor
from benchmark.executors.inline import InlineExecutor
from benchmark.executors.local import LocalExecutor

__all__ = ["Executor", "InlineExecutor", "LocalExecutor"]
