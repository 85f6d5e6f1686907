"""What can start is known without looking at every stage of the plan."""

import pytest

from benchmark.execution.schedule import Schedule, ranks
from benchmark.plan.model import Stage


def stage(key, kind, *inputs):
    return Stage(kind, key, key, 0, {}, {source: source for source in inputs})


@pytest.fixture
def stages():
    """Two data sets, a translator with its chain, and an oracle."""
    found = [
        stage("source", "prepare"),
        stage("target", "prepare"),
        stage("oracle", "fit-segmenter", "target"),
        stage("gan", "fit-translator", "source", "target"),
        stage("translated", "translate", "gan", "source"),
        stage("adapted", "fit-segmenter", "translated", "target"),
        stage("score", "score-segmentation", "adapted", "target"),
    ]
    return {one.key: one for one in found}


@pytest.fixture
def schedule(stages):
    made = Schedule(stages, ["source"])
    for key in list(stages)[1:]:
        made.add(key)
    return made


def test_a_stage_can_start_once_all_its_inputs_are_done(schedule):
    assert schedule.next() == "target"
    schedule.take("target")
    assert schedule.next() is None
    schedule.finish("target")
    assert schedule.next() == "gan"


def test_kinds_that_were_refused_are_left_out(schedule):
    schedule.take("target")
    schedule.finish("target")
    assert schedule.next({"fit-translator"}) == "oracle"
    assert schedule.next({"fit-translator", "fit-segmenter"}) is None


def test_what_needs_a_failed_stage_waits_no_more(schedule):
    schedule.take("target")
    schedule.finish("target")
    schedule.take("gan")
    assert schedule.fail("gan") == ["translated", "adapted", "score"]
    assert len(schedule) == 1
    assert schedule.next() == "oracle"


def test_a_failure_leaves_what_is_done(stages):
    schedule = Schedule(stages, ["source", "target", "translated"])
    assert schedule.fail("gan") == []


def test_clearing_returns_what_waited_in_the_order_of_the_plan(schedule):
    assert schedule.clear() == ["target", "oracle", "gan", "translated", "adapted", "score"]
    assert (len(schedule), schedule.next()) == (0, None)


def test_a_stage_that_another_driver_gave_up_can_be_added_again(schedule):
    schedule.take("target")
    schedule.add("target")
    assert schedule.next() == "target"


def test_short_stages_that_end_cells_go_first_then_those_with_the_longest_chain(stages):
    order = sorted(stages, key=ranks(stages).get)
    assert order == ["score", "source", "target", "gan", "translated", "adapted", "oracle"]
