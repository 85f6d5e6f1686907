"""Runs a pickled matrix of toy plugins in a process of its own: `drive.py MATRIX RESULTS`; prints what it ran."""

import pickle
import sys
from pathlib import Path

from benchmark.execution.driver import execute
from benchmark.execution.events import Listener
from benchmark.execution.local import LocalExecutor, LocalOptions
from benchmark.plan.planner import make_plan
from benchmark.registry.registry import load_registry
from benchmark.store.store import Store


class Printed(Listener):
    def stage_started(self, stage):
        print("started", stage.kind, stage.key, flush=True)


if __name__ == "__main__":
    registry = load_registry(Path(__file__).parent)
    plan = make_plan(pickle.loads(Path(sys.argv[1]).read_bytes()), registry)
    summary = execute(
        plan, Store(Path(sys.argv[2])), LocalExecutor(LocalOptions(slots=2, gpus=())), registry, listener=Printed()
    )
    print("heavy", [name for name in ("torch", "mmengine") if name in sys.modules])
    print("ran", summary.stages_run, "failed", summary.failed)
