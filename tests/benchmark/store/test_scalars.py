"""Scalars of a training are read back as they were logged, also after a resume."""

import pytest

from benchmark.api.stage_context import SCALARS, StageContext
from benchmark.store.scalars import last_scalars, read_scalars


@pytest.fixture
def folder(tmp_path):
    context = StageContext(tmp_path)
    for step in range(1, 9):
        context.log(step, loss=10.0 - step, accuracy_target=step / 10)
    return tmp_path


def test_a_step_logged_again_counts_as_it_was_logged_last(folder):
    StageContext(folder).log(8, loss=5.0)
    assert read_scalars(folder)["loss"][8] == 5.0


def test_a_line_cut_short_is_left_out(folder):
    with (folder / SCALARS).open("a") as file:
        file.write('{"step": 9, "lo')
    assert max(read_scalars(folder)["loss"]) == 8


def test_last_scalars_are_means_over_the_last_quarter(folder):
    assert last_scalars(folder) == {"loss": pytest.approx((3 + 2) / 2), "accuracy_target": pytest.approx(0.75)}


def test_a_scalar_that_is_not_finite_has_no_mean(folder):
    StageContext(folder).log(8, loss=float("nan"))
    assert set(last_scalars(folder)) == {"accuracy_target"}


def test_a_stage_without_scalars_has_none(tmp_path):
    assert last_scalars(tmp_path) == {}
