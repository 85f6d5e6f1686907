"""Holm's correction keeps the order of p-values; places follow from what is told apart."""

import numpy as np
import pytest

from benchmark.results.multiple import holm, place_ranges


def test_the_smallest_value_is_multiplied_most_and_none_falls_below_a_smaller_one():
    # 4 x 0.005, 3 x 0.01, 2 x 0.03, and 0.04 is raised to the one before it
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}) == pytest.approx(
        {"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02}
    )


def test_corrected_values_reject_what_the_stepwise_rule_rejects():
    random = np.random.default_rng(3)
    p_values = dict(enumerate(random.uniform(0, 1, 40) ** 4))
    adjusted = holm(p_values)
    rejected = set()
    for step, key in enumerate(sorted(p_values, key=p_values.get)):
        if p_values[key] > 0.05 / (len(p_values) - step):
            break
        rejected.add(key)
    assert {key for key, value in adjusted.items() if value <= 0.05} == rejected
    assert rejected


def test_comparisons_that_were_not_tested_do_not_count():
    assert holm({"a": 0.03, "b": None}) == {"a": 0.03}


def test_rows_that_nothing_tells_apart_share_all_places():
    differences = {(0, 1): (0.1, 0.5), (0, 2): (0.2, 0.3), (1, 2): (0.1, 1.0)}
    assert place_ranges(3, differences) == [(1, 3), (1, 3), (1, 3)]


def test_a_place_stands_after_all_better_and_before_all_worse_rows():
    differences = {(0, 1): (0.1, 0.5), (0, 2): (0.2, 0.01), (1, 2): (0.1, 0.2)}
    assert place_ranges(3, differences) == [(1, 2), (1, 3), (2, 3)]


def test_a_negative_difference_makes_the_other_row_the_better_one():
    assert place_ranges(2, {(0, 1): (-0.1, 0.001)}) == [(2, 2), (1, 1)]


def test_pairs_without_a_test_tell_nothing_apart():
    assert place_ranges(2, {}) == [(1, 2), (1, 2)]
