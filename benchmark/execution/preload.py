"""Imported once by the server that all stages are forked from, so that no stage waits for its imports.

Nothing may be computed here: a fork inherits neither the threads of a tensor operation nor a CUDA context.
"""

from __future__ import annotations

import gc
import os
import signal
import warnings
from importlib import import_module

from benchmark.execution.provenance import note_preloaded_code

VARIABLE = "BENCH_PRELOAD"
"""Environment variable: names of the modules, separated by commas."""


def import_all(names: str) -> list[str]:
    """Import modules, comma-separated; what cannot be imported is left to the stages that need it.

    Returns:
        The names that were imported.
    """
    done = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in filter(None, names.split(",")):
            try:
                import_module(name)
            except (Exception, SystemExit):  # a stage that needs it will meet the same error, and report it
                continue
            done.append(name)
    gc.collect()
    gc.freeze()  # keeps the collector of each fork from touching, and so copying, the shared pages
    return done


if VARIABLE in os.environ:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the driver, which ends the stages itself
    note_preloaded_code(import_all(os.environ[VARIABLE]))
