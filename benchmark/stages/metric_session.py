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
class MetricRun:
    """A metric that takes part in an evaluation.

    Attributes:
        metric: A new one.
        context: The run of the stage, with what this metric needs, and nothing that others need.
        conditions: What its numbers depend on besides its options; numbers of unlike conditions do not compare.
    """

    metric: Metric
    context: StageContext
    conditions: Mapping[str, Any] = field(default_factory=dict)


class MetricSession:
    """The metrics of one evaluation: what they gave, and why others gave nothing.

    Used as a context: the scores are written into a folder at its end.

    Args:
        metric_runs: By the name of their plugin.
        classes: Of the labels.
        folder: Where the scores go.

    Attributes:
        active: The metrics that still take part, by the name of their plugin.
    """

    def __init__(self, metric_runs: Mapping[str, MetricRun], classes: ClassSet, folder: Path) -> None:
        self._metric_runs = metric_runs
        self._missing: dict[str, str] = {}
        self._folder = folder
        self.active = {name: metric_run.metric for name, metric_run in metric_runs.items()}
        _check_distinct(self.active)
        for name, metric_run in metric_runs.items():
            self.call("start", classes, metric_run.context, to=[name])

    def supporting(self, ability: type) -> list[str]:
        """Names of the metrics that still take part and have an ability, such as `VariantMetric`."""
        return [name for name, metric in self.active.items() if isinstance(metric, ability)]

    def call(self, method: str, *data: Any, to: Iterable[str] | None = None) -> None:
        """Call a method of metrics that still take part, by default all; one that raises `Unavailable` drops out."""
        for name in list(self.active if to is None else to):
            with self._dropping_out(name) as metric:
                getattr(metric, method)(*data)

    def __enter__(self) -> MetricSession:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            write_json(self._folder / METRICS, self._table(), indent=1)

    @contextmanager
    def _dropping_out(self, name: str) -> Iterator[Metric]:
        try:
            yield self.active[name]
        except Unavailable as reason:
            self._missing |= dict.fromkeys(self.active.pop(name).values, str(reason))

    def _table(self) -> dict[str, Any]:
        numbers: dict[str, float] = {}
        for name in list(self.active):
            with self._dropping_out(name) as metric:
                numbers |= _computed(name, metric)
        nowhere = {name: "undefined on this data" for name, number in numbers.items() if not math.isfinite(number)}
        return {
            "metrics": {name: number for name, number in numbers.items() if name not in nowhere},
            "missing": self._missing | nowhere,
            "details": {name: details for name in self.active if (details := self._details(name))},
            "values": {
                name: asdict(value)
                for metric_run in self._metric_runs.values()
                for name, value in metric_run.metric.values.items()
            },
        }

    def _details(self, name: str) -> dict[str, Any]:
        """What a metric tells beside its numbers, as JSON values, with the conditions it was measured under."""
        details: dict[str, Any] = plain(self.active[name].details())
        if conditions := plain(self._metric_runs[name].conditions):
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
