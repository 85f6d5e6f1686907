"""Calls of hooks, in which a plugin that raises is reported and ends nothing."""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from typing import Any

import pluggy

from benchmark.api import hookspecs
from benchmark.errors import PluginError, did_you_mean
from benchmark.registry.import_string import one_line_with_place

log = logging.getLogger("bench")


class HookRelay:
    """Calls a hook on each plugin in turn; one that raises is reported, and the others are still called.

    A hook that raises at each of many calls (for each row of a leaderboard) is reported at the first one alone.
    """

    def __init__(self, manager: pluggy.PluginManager) -> None:
        self._manager = manager
        self._reported: set[tuple[str, str]] = set()

    def __getattr__(self, name: str) -> Callable[..., list[Any]]:
        if not name.startswith("bench_"):
            raise AttributeError(name)
        return partial(self._call, name)

    def has_implementation(self, name: str) -> bool:
        """Whether any plugin implements a hook, for callers whose arguments are costly."""
        return bool(getattr(self._manager.hook, name).get_hookimpls())

    def _call(self, name: str, /, **arguments: Any) -> list[Any]:
        results: list[Any] = []
        # pluggy lists the last registered first
        for implementation in reversed(getattr(self._manager.hook, name).get_hookimpls()):
            try:
                results += self.call_one(implementation.plugin, name, **arguments)
            except (Exception, SystemExit) as error:  # a third party's code must not end a long run
                self._report(implementation.plugin_name, name, error)
        return results

    def _report(self, plugin: str, hook: str, error: BaseException) -> None:
        if (plugin, hook) not in self._reported:
            self._reported.add((plugin, hook))
            traceback = error if log.isEnabledFor(logging.DEBUG) else None
            log.warning("plugin %s: %s failed: %s", plugin, hook, one_line_with_place(error), exc_info=traceback)

    def call_one(self, plugin: object, name: str, /, **arguments: Any) -> list[Any]:
        """Call a hook of one plugin alone; its exceptions pass, and what it prints goes to standard error."""
        others = [other for other in self._manager.get_plugins() if other is not plugin]
        with redirect_stdout(sys.stderr):
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
