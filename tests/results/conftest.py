"""The programs of `results`, which are no package, as modules."""

import importlib.util
from pathlib import Path

import pytest

RESULTS = Path(__file__).parents[2] / "results"


@pytest.fixture(scope="session")
def program():
    """Loads a program by its path below `results`."""

    def load(path):
        spec = importlib.util.spec_from_file_location(Path(path).stem, RESULTS / path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
