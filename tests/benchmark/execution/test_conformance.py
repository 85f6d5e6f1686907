"""The shipped executors keep the contract of an executor."""

from benchmark.execution.inline import InlineExecutor
from benchmark.execution.local import LocalExecutor, LocalOptions
from benchmark.testing import ExecutorConformance


class TestInline(ExecutorConformance):
    isolated = False

    def make(self, **changes):
        return InlineExecutor(InlineExecutor.Options(**changes))


class TestLocal(ExecutorConformance):
    def make(self, **changes):
        return LocalExecutor(LocalOptions(**{"slots": 2, "gpus": (), **changes}))
