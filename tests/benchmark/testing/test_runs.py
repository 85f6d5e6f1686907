"""A watched run does what a run does, notes it, and breaks a training off where it is told to."""

import pytest

from benchmark.testing.runs import Interrupted, Place, WatchedContext, steady_channel


def test_reports_are_noted_and_passed_on(tmp_path):
    told = []
    context = WatchedContext(tmp_path, on_progress=told.append)
    context.log(1, loss=0.5)
    context.progress(3, 8)
    context.checkpoint(2, {})
    assert context.reports == {"log": [1], "checkpoint": [2], "progress": [3]}
    assert (tmp_path / "scalars.jsonl").exists()
    assert context.last_checkpoint() == (2, {})
    assert told[0]["done"] == 3


def test_a_run_stops_after_the_report_it_was_told_and_at_no_other(tmp_path):
    context = WatchedContext(tmp_path, stop_at=Place("checkpoint", 2))
    context.log(5)
    context.checkpoint(1, {})
    with pytest.raises(Interrupted):
        context.checkpoint(3, {})
    assert context.last_checkpoint() == (3, {})


def test_places_are_counted_on_the_channel_that_does_not_depend_on_the_clock():
    assert steady_channel({"log": [1, 2], "checkpoint": [1], "progress": [1, 2]}) == "log"
    assert steady_channel({"log": [1], "checkpoint": [], "progress": [1, 2]}) == "progress"
