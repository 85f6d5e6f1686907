"""Device and number format are as asked for, or the best there is."""

import pytest

from benchmark.errors import UsageError
from benchmark.execution.devices import resolve_device, resolve_precision


def test_devices_and_formats_are_as_asked_for(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert (resolve_device("cpu"), resolve_device("auto")) == ("cpu", "cpu")
    with pytest.raises(UsageError, match="device: cuda was asked for"):
        resolve_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert (resolve_device("cpu"), resolve_device("auto")) == ("cpu", "cuda")
    assert (resolve_precision("fp32", "cpu"), resolve_precision("bf16", "cpu")) == ("fp32", "bf16")


@pytest.mark.parametrize(("native", "chosen"), [(True, "bf16"), (False, "fp32")])
def test_bf16_is_chosen_where_the_cpu_has_it(monkeypatch, native, chosen):
    monkeypatch.setattr("benchmark.execution.devices.cpu_has_bf16", lambda: native)
    assert resolve_precision("auto", "cpu") == chosen
