"""The tree of the core stays one that a person can hold in mind."""

from graphlib import TopologicalSorter
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
FOLDERS = {"api", "registry", "config", "store", "plan", "stages", "execution", "results", "report", "cli", "testing"}


def test_no_modules_import_each_other_in_a_circle_type_checking_imports_counted():
    graph = grimp.build_graph("benchmark", exclude_type_checking_imports=False, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    order = list(TopologicalSorter(imports).static_order())  # raises CycleError, which names the circle
    assert len(order) >= len(graph.modules)


def test_the_root_holds_few_modules_and_the_folders_of_the_layers():
    modules = {path.name for path in (ROOT / "benchmark").glob("*.py")}
    assert modules == {"__init__.py", "__main__.py", "errors.py", "toml_models.py"}
    folders = {path.parent.name for path in (ROOT / "benchmark").glob("*/__init__.py")}
    assert folders == FOLDERS
