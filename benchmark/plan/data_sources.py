"""The data sets that a matrix reads: opened once, their classes compared, their files hashed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from benchmark.api.dataset import Dataset
from benchmark.api.scenario import Scenario, Side
from benchmark.config.matrix import PluginConfig
from benchmark.errors import BenchError, DataError, PluginError
from benchmark.plan.keys import RUNTIME_ONLY, content_key, plugin_identity
from benchmark.registry.code import CodeDigests
from benchmark.registry.import_string import one_line
from benchmark.registry.registry import Registry

Answer = TypeVar("Answer")


class DataSources:
    """The data sets of some scenarios.

    Args:
        registry: Where their plugins are found.
        code: Reads the files of those that are given as files.
    """

    def __init__(self, registry: Registry, code: CodeDigests) -> None:
        self._code = code
        self._registry = registry
        self._datasets: dict[str, Dataset] = {}
        self._fingerprints: dict[tuple[str, str], str] = {}
        self._labelled: dict[tuple[str, str], bool] = {}

    def shared_classes(self, scenario: Scenario) -> tuple[str, ...]:
        """Names of the classes of a scenario, once all of its splits were found to be there.

        Raises:
            DataError: Files are missing, or the two sides differ in their classes.
            PluginError: A data set cannot be used.
        """
        source, target = _ask_both_sides(scenario, lambda side: self._dataset(side).classes.names)
        if source != target:
            different = sorted(set(source) ^ set(target)) or ["their order"]
            raise DataError(
                f"scenario '{scenario.name}': both sides must have the same classes, but they differ in "
                f"{', '.join(different)}"
            )
        _ask_both_sides(scenario, lambda side: [self.fingerprint(side, split) for split in (side.train, side.test)])
        return source

    def fingerprint(self, side: Side, split: str) -> str:
        """Hash of the images and labels of a split."""
        key = _side_key(side), split
        if key not in self._fingerprints:  # hashing all files of a data set takes long
            self._fingerprints[key] = self._dataset(side).fingerprint(split)
        return self._fingerprints[key]

    def labelled(self, side: Side, split: str) -> bool:
        """Whether a split has labels; one that cannot be read counts as labelled: its own stage reports the error."""
        key = _side_key(side), split
        if key not in self._labelled:
            try:
                self._labelled[key] = self._dataset(side).labelled(split)
            except Exception:  # a third party's code: `prepare` reads the same split, and fails with the reason
                self._labelled[key] = True
        return self._labelled[key]

    def fingerprints(self, scenario: Scenario) -> dict[str, str]:
        """Hashes of all splits of a scenario, by side and split, such as "source train"."""
        found = {}
        for name, side in (("source", scenario.source), ("target", scenario.target)):
            found[f"{name} train"] = self.fingerprint(side, side.train)
            found[f"{name} test"] = self.fingerprint(side, side.test)
        return found

    def identity(self, side: Side) -> dict[str, Any]:
        """The data set of a side with its options, as `plugin_identity` gives any plugin's."""
        spec = self._registry.find("dataset", side.dataset)
        runtime_options = self._registry.options_class(spec).runtime_option_names()
        config = PluginConfig("dataset", side.dataset, side.dataset, spec.version, side.options, runtime_options)
        return plugin_identity(replace(config, code=self.code(side)))

    def code(self, side: Side) -> str:
        """Digest of the files of a side's data set where it is given as a file, else empty."""
        return self._code.of_files(self._registry.find("dataset", side.dataset), self._registry.project)

    def without_runtime_options(self, scenario: Scenario) -> dict[str, Any]:
        """A scenario as JSON values, without the options of its data sets that do not affect results."""
        stored = scenario.model_dump(mode="json")
        for name, side in (("source", scenario.source), ("target", scenario.target)):
            for option in self.identity(side)[RUNTIME_ONLY]:
                del stored[name]["options"][option]
        return stored

    def _dataset(self, side: Side) -> Dataset:
        key = _side_key(side)
        if key not in self._datasets:
            spec = self._registry.find("dataset", side.dataset)
            self._datasets[key] = self._registry.create(spec, side.options)
        return self._datasets[key]


def _side_key(side: Side) -> str:
    return content_key([side.dataset, side.options])


def _ask_both_sides(scenario: Scenario, question: Callable[[Side], Answer]) -> list[Answer]:
    """The answers for source and target; an error says to which side it belongs."""
    answers = []
    for role, side in (("source", scenario.source), ("target", scenario.target)):
        where = f"scenario '{scenario.name}', {role}"
        try:
            answers.append(question(side))
        except DataError as error:
            raise DataError(f"{where}: {error}") from error
        except BenchError:
            raise
        except Exception as error:  # a third party's code: whatever it raises makes its own cells invalid
            raise PluginError(f"{where}: dataset '{side.dataset}' failed: {one_line(error)}") from error
    return answers
