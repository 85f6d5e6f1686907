"""Every hook is documented, and every hook is called by a test."""

import inspect
from pathlib import Path

import pytest

from benchmark import PluginSpec, Scenario, hookimpl
from benchmark.api import hookspecs
from benchmark.registry.registry import Registry

HOOKS = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("bench_")}
SCENARIO = Scenario(name="halls", size=(4, 8), source={"dataset": "a"}, target={"dataset": "b"})
STAGE = {"kind": "prepare", "key": "k", "plugin": "streets", "seed": 0}
CALLS = {
    "bench_run_started": ({"results": Path("r"), "cells": 2, "stages": 3}, None),
    "bench_run_finished": ({"results": Path("r"), "failed": 1}, None),
    "bench_stage_started": (STAGE, None),
    "bench_stage_finished": ({**STAGE, "seconds": 1.5, "folder": Path("f")}, None),
    "bench_stage_failed": ({**STAGE, "status": "oom", "reason": "too large"}, None),
    "bench_log": ({"key": "k", "progress": {"done": 1}}, None),
    "bench_leaderboard_columns": ({"records": [{"cell": "c"}]}, {"hours": 1.0}),
    "bench_report_sections": ({"results": Path("r")}, [("Title", "text")]),
    "bench_commands": ({}, []),
}
"""Arguments of each hook that is called through the relay, and what a plugin may return."""


def recording(name, result, heard):
    """A plugin whose one hook takes all arguments of its specification and writes them down."""
    parameters = ", ".join(inspect.signature(HOOKS[name]).parameters)
    scope = {"heard": heard, "result": result}
    exec(f"def {name}({parameters}):\n    heard.append(dict(locals()))\n    return result", scope)
    return type("Recording", (), {name: staticmethod(hookimpl(scope[name]))})()


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_says_what_it_is_for(name):
    assert (HOOKS[name].__doc__ or "").strip()


def test_every_hook_has_a_test_that_calls_it():
    registered = {"bench_register_plugins", "bench_register_scenarios"}
    assert set(HOOKS) == set(CALLS) | registered


def test_plugins_are_registered_through_bench_register_plugins(tmp_path):
    registry = Registry(tmp_path)
    spec = PluginSpec("metric", "edges", "m:Edges")
    registry.add(recording("bench_register_plugins", [spec], []), "x", "d")
    assert registry.find("metric", "edges").entry == "m:Edges"


def test_scenarios_are_registered_through_bench_register_scenarios(tmp_path):
    registry = Registry(tmp_path)
    registry.add(recording("bench_register_scenarios", [SCENARIO], []), "x", "d")
    assert registry.scenario("halls") == SCENARIO


@pytest.mark.parametrize("name", CALLS)
def test_a_hook_is_called_with_its_arguments_and_its_results_come_back(tmp_path, name):
    registry, heard = Registry(tmp_path), []
    arguments, result = CALLS[name]
    registry.add(recording(name, result, heard), "x", "d")
    assert getattr(registry.hook, name)(**arguments) == ([] if result is None else [result])
    assert heard == [arguments]


def test_a_hook_that_raises_is_reported_and_the_others_are_called(tmp_path, caplog):
    registry, heard = Registry(tmp_path), []
    arguments, _ = CALLS["bench_log"]

    class Raising:
        @hookimpl
        def bench_log(self, key):
            raise ValueError("no dashboard")

    registry.add(recording("bench_log", None, heard), "first", "d")
    registry.add(Raising(), "second", "d")
    registry.add(recording("bench_log", None, heard), "third", "d")
    registry.hook.bench_log(**arguments)
    assert len(heard) == 2
    assert "plugin d:second: bench_log failed: ValueError: no dashboard" in caplog.text
