"""Batches drawn ahead come in their order, and no further ahead than one."""

import pytest

from bench_engine.prefetch import prefetch


def test_batches_drawn_ahead_keep_their_order():
    assert list(prefetch(lambda step: {"step": step}, range(3, 8))) == [{"step": step} for step in range(3, 8)]


def test_the_next_batch_is_drawn_while_one_is_used_and_no_further():
    asked = []
    batches = prefetch(lambda step: asked.append(step) or {}, range(5))
    next(batches)
    batches.close()
    assert asked == [0, 1]


def test_an_error_in_a_batch_reaches_the_loop():
    def broken(step):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        next(prefetch(broken, range(5)))
