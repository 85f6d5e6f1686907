"""The examples in docstrings give what stands below them."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = {"benchmark": ROOT, "plugins": ROOT / "plugins"}


def modules_with_examples(folder):
    """Names under which the modules of a source folder that hold `>>>` are imported."""
    files = [file for file in sorted((ROOT / folder).rglob("*.py")) if ">>> " in file.read_text(encoding="utf-8")]
    return [".".join(file.relative_to(SOURCES[folder]).with_suffix("").parts) for file in files]


def run_examples(module):
    return doctest.testmod(module, optionflags=doctest.FAIL_FAST)


@pytest.mark.parametrize("name", [name for folder in SOURCES for name in modules_with_examples(folder)])
def test_examples_in_docstrings_give_what_they_say(name):
    results = run_examples(importlib.import_module(name))
    assert results.attempted > 0
    assert results.failed == 0


def test_an_example_with_a_wrong_result_fails(monkeypatch):
    from benchmark import errors

    monkeypatch.setattr(errors.did_you_mean, "__doc__", '>>> did_you_mean("cyclgan", ["cyclegan"])\n"nothing"\n')
    assert run_examples(errors).failed == 1
