"""The tree of the core stays one that a person can hold in mind."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

import benchmark

ROOT = Path(__file__).parents[1]
FOLDERS = {"api", "registry", "config", "store", "plan", "stages", "execution", "results", "report", "cli", "testing"}


def test_no_modules_import_each_other_in_a_circle_type_checking_imports_counted():
    graph = grimp.build_graph("benchmark", exclude_type_checking_imports=False, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    order = list(TopologicalSorter(imports).static_order())  # raises CycleError, which names the circle
    assert len(order) >= len(graph.modules)


def test_plugins_import_of_the_core_what_a_third_party_may():
    """`benchmark` and `benchmark.testing`: a shipped plugin uses no door that others lack."""
    found = set()
    for path in (ROOT / "plugins").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                found.add((path.name, node.module))
            if isinstance(node, ast.Import):
                found |= {(path.name, alias.name) for alias in node.names}
    core = {(name, module) for name, module in found if module.split(".")[0] == "benchmark"}
    assert core
    assert {(name, module) for name, module in core if module not in ("benchmark", "benchmark.testing")} == set()


def test_every_name_that_benchmark_promises_is_there():
    assert {name for name in benchmark.__all__ if getattr(benchmark, name, None) is None} == set()
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        getattr(benchmark, "nothing")  # noqa: B009 - the attribute must not be known to a type checker


def test_importing_benchmark_loads_no_heavy_library():
    code = "import sys, benchmark; print([name for name in ('numpy', 'torch', 'click') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_the_root_holds_few_modules_and_the_folders_of_the_layers():
    modules = {path.name for path in (ROOT / "benchmark").glob("*.py")}
    assert modules == {"__init__.py", "__main__.py", "errors.py", "toml_models.py"}
    folders = {path.parent.name for path in (ROOT / "benchmark").glob("*/__init__.py")}
    assert folders == FOLDERS
