"""Calls of hooks, in which a plugin that raises is reported and ends nothing."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import pluggy

from benchmark.api import hookspecs
from benchmark.errors import PluginError, did_you_mean
from benchmark.registry.import_string import one_line

log = logging.getLogger("bench")


class HookRelay:
    """Calls a hook on each plugin in turn; one that raises is reported, and the others are still called."""

    def __init__(self, manager: pluggy.PluginManager) -> None:
        self._manager = manager

    def __getattr__(self, name: str) -> Callable[..., list[Any]]:
        if not name.startswith("bench_"):
            raise AttributeError(name)
        return partial(self._call, name)

    def _call(self, name: str, /, **arguments: Any) -> list[Any]:
        results: list[Any] = []
        for implementation in reversed(getattr(self._manager.hook, name).get_hookimpls()):
            try:
                results += self.call_one(implementation.plugin, name, **arguments)
            except (Exception, SystemExit) as error:  # a third party's code must not end a long run
                log.warning("plugin %s: %s failed: %s", implementation.plugin_name, name, one_line(error))
        return results

    def call_one(self, plugin: object, name: str, /, **arguments: Any) -> list[Any]:
        """Call a hook of one plugin alone; its exceptions pass."""
        others = [other for other in self._manager.get_plugins() if other is not plugin]
        results: list[Any] = self._manager.subset_hook_caller(name, others)(**arguments)
        return results


def check_hooks(plugin: object) -> None:
    """Refuse functions that look like hooks and are none; pluggy would never call them, and say nothing."""
    known = {name for name in vars(hookspecs) if name.startswith("bench_")}
    for name in dir(plugin):
        function = getattr(plugin, name, None)
        if not (name.startswith("bench_") and inspect.isroutine(function)):
            continue
        if name not in known:
            raise PluginError(f"'{name}' is no hook of bench.{did_you_mean(name, known)}")
        if not hasattr(function, f"{hookspecs.PROJECT}_impl"):
            raise PluginError(f"'{name}' is not marked with benchmark.hookimpl, so that it would never be called")
