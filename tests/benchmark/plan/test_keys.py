"""Keys follow what decides an outcome, and nothing else."""

from dataclasses import replace

import pytest

from benchmark.config.matrix import PluginConfig
from benchmark.plan.keys import RUNTIME_ONLY, content_key, plugin_identity, without_runtime_options
from benchmark.plan.planner import make_plan


def test_runtime_options_of_plugins_in_a_list_are_left_out():
    metric = PluginConfig("metric", "fid", "fid", "1", {"images": 50, "device_batch": 8}, ("device_batch",))
    [identity] = without_runtime_options({"metrics": [plugin_identity(metric)]})["metrics"]
    assert identity["options"] == {"images": 50}
    assert RUNTIME_ONLY not in identity


def test_the_order_of_names_does_not_matter_to_a_key():
    assert content_key({"a": 1, "b": 2}) == content_key({"b": 2, "a": 1})
    assert content_key({"a": 1, "b": 2}) != content_key({"a": 2, "b": 1})


def test_a_value_that_is_no_number_has_no_key():
    with pytest.raises(ValueError, match="not JSON compliant"):
        content_key({"lr": float("nan")})


def test_images_are_prepared_anew_for_another_size(toys, matrix_of, dusk):
    def prepared(size):
        scenario = dusk.model_copy(update={"size": size})
        plan = make_plan(replace(matrix_of("shift"), scenarios=(scenario,)), toys)
        return {key for key, stage in plan.stages.items() if stage.kind == "prepare"}

    assert prepared((8, 12))
    assert prepared((8, 12)).isdisjoint(prepared((8, 14)))
