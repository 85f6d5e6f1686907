"""An average follows the weights by its formula, and is part of a checkpoint."""

import pytest
import torch
from torch import nn

from bench_engine.averaging import WeightAverage, warmed_decay


def small_network():
    return nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2))


def changed(network, step):
    """Give all weights and statistics values that depend on the step."""
    for number, value in enumerate(network.state_dict().values()):
        value.copy_(torch.full_like(value, 10 * number + step**2))


def test_the_decay_rises_to_its_end_value():
    assert [warmed_decay(0.9, updates) for updates in (0, 1, 10, 1000)] == [0.1, 2 / 11, 11 / 20, 0.9]


def test_weights_and_statistics_are_averaged_by_the_formula():
    network = small_network()
    average = WeightAverage(network, 0.2, "cpu")
    expected = {name: value.clone() for name, value in network.state_dict().items()}
    for step in (1, 2, 3, 4):
        changed(network, step)
        average.after_step(step)
        decay = min(0.2, step / (9 + step))
        for name, value in network.state_dict().items():
            counter = name.endswith("num_batches_tracked")
            expected[name] = value if counter else decay * expected[name] + (1 - decay) * value
    torch.testing.assert_close(dict(average.averaged.state_dict()), expected)


def test_the_average_shares_no_memory_with_the_network_and_has_no_gradient():
    network = small_network()
    average = WeightAverage(network, 0.5, "cpu")
    changed(network, 3)
    assert not torch.equal(average.averaged[0].weight, network[0].weight)
    assert not any(weight.requires_grad for weight in average.averaged.parameters())
    assert all(weight.requires_grad for weight in network.parameters())


@pytest.mark.parametrize("stop", [1, 3])
def test_an_average_goes_on_where_its_state_was_kept(stop):
    def averaged(steps, average, network):
        for step in steps:
            changed(network, step)
            average.after_step(step)
        return average

    torch.manual_seed(0)
    start = small_network()
    whole = averaged(range(1, 6), WeightAverage(start, 0.5, "cpu"), start)
    torch.manual_seed(0)
    first = small_network()
    state = averaged(range(1, stop + 1), WeightAverage(first, 0.5, "cpu"), first).state_dict()
    second = small_network()
    resumed = WeightAverage(second, 0.5, "cpu")
    resumed.load_state_dict(state)
    averaged(range(stop + 1, 6), resumed, second)
    for name, value in whole.averaged.state_dict().items():
        assert torch.equal(value, resumed.averaged.state_dict()[name]), name
