"""What rows are held against: the floor and ceiling of their own segmenter, and the strongest control of its family."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchmark.results.board import GAIN, GAP_RECOVERED, NO_OTHER_CONTROL, OVER_CONTROL, Record, Row, StrongestControl
from benchmark.results.board_notes import deciding_scenario
from benchmark.results.differences import Difference, Sample, paired_difference
from benchmark.results.multiple import holm
from benchmark.results.ratio import gap_recovered
from benchmark.results.record_fields import RANKED_BY
from benchmark.results.seed_pairs import lacking_seeds
from benchmark.results.statistics import Estimate

BELOW = ("floor", "control")
"""Roles of the controls that a translator must beat."""


def with_controls(rows: Sequence[Row], records: Mapping[str, Record]) -> list[Row]:
    """The rows of a family with their gap recovered, gain, and difference to the strongest control.

    Args:
        rows: Of one board.
        records: A record of each row, by configuration key.
    """
    controls = Controls((row, records[row.config_key]) for row in rows if row.role)
    held = [replace(row, metrics={**row.metrics, **_in_gap(row, records[row.config_key], controls)}) for row in rows]
    return _over_strongest(held, records)


class Controls:
    """Ranking values of floors and ceilings, by what a row must share with them, and by their data."""

    def __init__(self, rows: Iterable[tuple[Row, Record]]) -> None:
        self._samples: dict[tuple[str, str, str], Sample] = {}
        self._scored: dict[tuple[str, str], set[Any]] = defaultdict(set)
        for row, record in rows:
            role, training = row.role or "", _training_conditions(record)
            key = (role, training, _canonical(record["data"]))
            former, sample = self._samples.get(key, Sample({})), row.sample
            # rows come from the oldest to the newest, and later values replace earlier ones
            values = {**former.values, **sample.values}
            self._samples[key] = Sample(values, {**former.without_group, **sample.without_group})
            self._scored[role, training] |= set(sample.values)

    def of(self, role: str, record: Record) -> Sample:
        """The control of a role that a record's row may be compared with: trained alike, on the same data."""
        key = (role, _training_conditions(record), _canonical(record["data"]))
        return self._samples.get(key, Sample({}))

    def other_data(self, record: Record) -> bool:
        """Whether controls of this kind of training exist that saw other data, or data that is not known."""
        training = _training_conditions(record)
        scored_elsewhere = [
            self._scored[role, training] - set(self.of(role, record).values) for role in ("floor", "ceiling")
        ]
        return any(scored_elsewhere)


def _in_gap(row: Row, record: Record, controls: Controls) -> dict[str, Estimate]:
    """Share of the gap that is closed and gain over the floor, with controls that were trained on the same data."""
    floor, ceiling = controls.of("floor", record), controls.of("ceiling", record)
    if not row.scores:
        none = Estimate(None, None, 0, f"no {RANKED_BY}" if row.done else "")
        return {GAP_RECOVERED: none, GAIN: none}
    gap = gap_recovered(row.scores, floor.values, ceiling.values)
    gain = paired_difference(row.sample, floor).estimate
    if not floor.values:
        gain = replace(gain, reason="no source-only result")
    if controls.other_data(record):
        hint = ": those of this board were trained on other data, or it is not known on which"
        gap = replace(gap, reason=gap.reason + hint) if not set(row.scores) <= set(ceiling.values) else gap
        gain = replace(gain, reason=gain.reason + hint) if not set(row.scores) <= set(floor.values) else gain
    return {GAP_RECOVERED: gap, GAIN: gain}


def _over_strongest(rows: Sequence[Row], records: Mapping[str, Record]) -> list[Row]:
    """The rows with their difference to the strongest control of the family that was measured under their conditions.

    The tests of all rows that are no controls are corrected together, as the best of many looks better than it is.
    """
    same_conditions: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        same_conditions[_family_conditions(records[row.config_key])].append(row)
    strongest: dict[str, Row] = {}
    differences: dict[str, Difference] = {}
    for row in rows:
        candidates = same_conditions[_family_conditions(records[row.config_key])]
        control = strongest_control([one for one in candidates if one is not row])
        if control is not None and row.scores:
            strongest[row.config_key] = control
            differences[row.config_key] = paired_difference(row.sample, control.sample)
    adjusted = _adjusted_p_values([row for row in rows if not row.role], differences)
    compared = []
    for row in rows:
        if row.config_key not in strongest:
            nothing = Estimate(None, None, 0, NO_OTHER_CONTROL if row.scores else "")
            compared.append(replace(row, metrics={**row.metrics, OVER_CONTROL: nothing}))
            continue
        control, estimate = strongest[row.config_key], differences[row.config_key].estimate
        lacking = lacking_seeds({"this row": row.scores, control.translator: control.scores})
        estimate = replace(estimate, reason=estimate.reason or lacking)
        held_against = StrongestControl(
            control.translator, control.segmenter, adjusted.get(row.config_key), estimate.mean
        )
        compared.append(replace(row, metrics={**row.metrics, OVER_CONTROL: estimate}, control=held_against))
    return compared


def strongest_control(rows: Iterable[Row]) -> Row | None:
    """The row with the highest mean among floors and other controls; None where there is none."""
    found = [row for row in rows if row.role in BELOW and row.metrics[RANKED_BY].mean is not None]
    return max(found, key=lambda row: row.metrics[RANKED_BY].mean or 0.0, default=None)


def _adjusted_p_values(rows: Iterable[Row], differences: Mapping[str, Difference]) -> dict[str, float]:
    """Corrected p-values of the rows whose difference can be tested, by configuration key."""
    held = [row.config_key for row in rows if row.config_key in differences]
    return holm({key: differences[key].estimate.p for key in held})


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _training_conditions(record: Record) -> str:
    """What a row shares with its floor and ceiling: segmenter, device and precision, scenario."""
    own = ("translator", "metrics", "auxiliary_segmenter")
    shared = {key: value for key, value in record["config"].items() if key not in own}
    return _canonical(shared | {"scenario": deciding_scenario(record)})


def _family_conditions(record: Record) -> str:
    """What a row shares with all controls of its family: data, device and precision, scenario."""
    own = ("translator", "segmenter", "metrics", "auxiliary_segmenter")
    shared = {key: value for key, value in record["config"].items() if key not in own}
    return _canonical(shared | {"scenario": deciding_scenario(record), "data": record["data"]})
