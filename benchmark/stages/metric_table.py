"""The table that a score stage stores for a metric, after its values were checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from benchmark.api.metric import Metric, Value
from benchmark.errors import Unavailable
from benchmark.stages.contract_checks import ContractBroken
from benchmark.store.json_files import plain

TOLERANCE = 1e-6
"""How far rounding may take a value out of its range, relative to the larger of the bound and one."""
EMPTY_TABLE: Mapping[str, Mapping[str, Any]] = {"metrics": {}, "missing": {}, "details": {}, "values": {}}


def metric_table(
    name: str, metric: Metric, feed: Callable[[], None], conditions: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Run a metric over its data, and collect its values, details and reasons for missing values.

    Args:
        name: Of its plugin, for errors and details.
        metric: A new one.
        feed: Calls its methods with all of the data.
        conditions: What its values depend on besides its options; rows of unlike conditions are not compared.

    Returns:
        `metrics`, the values; `missing`, why there is no value; `details` by the name of the plugin; and `values`,
        the meaning of each value.

    Raises:
        ContractBroken: It gave something else than it declares.
    """
    meaning = {value: asdict(meant) for value, meant in metric.values.items()}
    try:
        feed()
        numbers = _checked_values(name, metric)
        details = _details(name, metric, conditions or {})
    except Unavailable as reason:
        missing = dict.fromkeys(metric.values, str(reason))
        return {"metrics": {}, "missing": missing, "details": {}, "values": meaning}
    finite = {value: number for value, number in numbers.items() if math.isfinite(number)}
    undefined = [value for value in numbers if value not in finite]
    return {
        "metrics": finite,
        "missing": dict.fromkeys(undefined, "undefined on this data"),
        "details": {name: details} if details else {},
        "values": meaning,
    }


def with_suffix(table: Mapping[str, Mapping[str, Any]], suffix: str, summary: str) -> dict[str, Any]:
    """A table whose values have names and summaries that tell them from those of the same metric on other data.

    Details are put one level deeper, where no table takes them for those of the other data.
    """
    values = {}
    for name, meaning in table["values"].items():
        changed = {**meaning, "summary": f"{meaning['summary']} {summary}"}
        if heading := meaning.get("heading"):
            changed["heading"] = f"{heading} {suffix.strip('_')}"
        values[name + suffix] = changed
    numbers = {name + suffix: number for name, number in table["metrics"].items()}
    reasons = {name + suffix: reason for name, reason in table["missing"].items()}
    details = {name + suffix: {"details": section} for name, section in table["details"].items()}
    return {"metrics": numbers, "missing": reasons, "details": details, "values": values}


def _checked_values(name: str, metric: Metric) -> dict[str, float]:
    """The values as floats, after their names and ranges were checked."""
    answer: object = metric.compute()
    if not isinstance(answer, Mapping):
        raise ContractBroken(
            f"metric '{name}': compute returned {type(answer).__name__}, but a number for each of "
            f"{sorted(metric.values)} was expected"
        )
    if set(answer) != set(metric.values):
        raise ContractBroken(f"metric '{name}' returned {sorted(answer)}, but declares {sorted(metric.values)}")
    numbers = {value: _as_float(name, value, number) for value, number in answer.items()}
    for value, number in numbers.items():
        _check_range(name, value, number, metric.values[value])
    return numbers


def _as_float(name: str, value: str, number: Any) -> float:
    try:
        return float(number)
    except (TypeError, ValueError, RuntimeError) as error:  # torch raises the last for several elements
        kind = type(number).__name__
        raise ContractBroken(f"metric '{name}' returned a {kind} for '{value}', but one number was expected") from error


def _check_range(name: str, value: str, number: float, meaning: Value) -> None:
    low, high = -math.inf, math.inf
    if meaning.low is not None:
        low = meaning.low - TOLERANCE * max(1.0, abs(meaning.low))
    if meaning.high is not None:
        high = meaning.high + TOLERANCE * max(1.0, abs(meaning.high))
    if math.isfinite(number) and not low <= number <= high:  # what is not finite is undefined, not wrong
        bounds = [str(bound) if bound is not None else "unbounded" for bound in (meaning.low, meaning.high)]
        raise ContractBroken(
            f"metric '{name}' returned {value} = {number:g}, but declares the range {' to '.join(bounds)}"
        )


def _details(name: str, metric: Metric, conditions: Mapping[str, Any]) -> dict[str, Any]:
    """What a metric reports beside its values, as JSON values, with the conditions it was measured under."""
    details = plain(metric.details())
    if not isinstance(details, dict):
        raise ContractBroken(f"metric '{name}': details returned {type(details).__name__}, but a dict was expected")
    if conditions:
        details["conditions"] = {**details.get("conditions", {}), **plain(conditions)}
    return details
