"""The metrics of one evaluation: each gets what its contract says, and one that cannot be had hurts no other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmark.api.dataset import ClassSet
from benchmark.api.metric import Metric
from benchmark.api.stage_context import StageContext
from benchmark.errors import PluginError, Unavailable
from benchmark.stages.contract_checks import ContractBroken
from benchmark.store.json_files import plain, write_json
from benchmark.store.layout import METRICS


@dataclass(frozen=True)
class Entrant:
    """A metric that takes part in an evaluation.

    Attributes:
        metric: A new one.
        context: The run of the stage, with what this metric needs, and nothing that others need.
        conditions: What its numbers depend on besides its options; numbers of unlike conditions do not compare.
    """

    metric: Metric
    context: StageContext
    conditions: Mapping[str, Any] = field(default_factory=dict)


class Scores:
    """The metrics of one evaluation: what they gave, and why others gave nothing.

    Used as a context: the scores are written into a folder at its end.

    Args:
        entrants: By the name of their plugin.
        classes: Of the labels.
        folder: Where the scores go.

    Attributes:
        live: The metrics that still take part, by the name of their plugin.
    """

    def __init__(self, entrants: Mapping[str, Entrant], classes: ClassSet, folder: Path) -> None:
        self._entrants = entrants
        self._missing: dict[str, str] = {}
        self._folder = folder
        self.live = {name: entrant.metric for name, entrant in entrants.items()}
        _check_distinct(self.live)
        for name, entrant in entrants.items():
            self.call("start", classes, entrant.context, to=[name])

    def able(self, ability: type) -> list[str]:
        """Names of the metrics that still take part and have an ability, such as `OverVariants`."""
        return [name for name, metric in self.live.items() if isinstance(metric, ability)]

    def call(self, method: str, *data: Any, to: Iterable[str] | None = None) -> None:
        """Call a method of metrics that still take part, by default all; one that raises `Unavailable` drops out."""
        for name in list(self.live if to is None else to):
            with self._dropping_out(name) as metric:
                getattr(metric, method)(*data)

    def __enter__(self) -> Scores:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            write_json(self._folder / METRICS, self._table(), indent=1)

    @contextmanager
    def _dropping_out(self, name: str) -> Iterator[Metric]:
        try:
            yield self.live[name]
        except Unavailable as reason:
            self._missing |= dict.fromkeys(self.live.pop(name).values, str(reason))

    def _table(self) -> dict[str, Any]:
        numbers: dict[str, float] = {}
        for name in list(self.live):
            with self._dropping_out(name) as metric:
                numbers |= _computed(name, metric)
        nowhere = {name: "undefined on this data" for name, number in numbers.items() if not math.isfinite(number)}
        return {
            "metrics": {name: number for name, number in numbers.items() if name not in nowhere},
            "missing": self._missing | nowhere,
            "details": {name: details for name in self.live if (details := self._details(name))},
            "values": {
                name: asdict(value)
                for entrant in self._entrants.values()
                for name, value in entrant.metric.values.items()
            },
        }

    def _details(self, name: str) -> dict[str, Any]:
        """What a metric tells beside its numbers, as JSON values, with the conditions it was measured under."""
        details: dict[str, Any] = plain(self.live[name].details())
        if conditions := plain(self._entrants[name].conditions):
            details["conditions"] = {**details.get("conditions", {}), **conditions}
        return details


def _check_distinct(metrics: Mapping[str, Metric]) -> None:
    owner: dict[str, str] = {}
    for plugin, metric in metrics.items():
        for value in metric.values:
            if value in owner:
                raise PluginError(f"metrics '{owner[value]}' and '{plugin}' both give '{value}'; choose one of them")
            owner[value] = plugin


def _computed(name: str, metric: Metric) -> dict[str, float]:
    numbers = {value: float(number) for value, number in metric.compute().items()}
    if set(numbers) != set(metric.values):
        raise ContractBroken(f"metric '{name}' returned {sorted(numbers)}, but declares {sorted(metric.values)}")
    return numbers
