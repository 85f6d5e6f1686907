"""mmsegmentation imports without mmcv's compiled module, and says so when a model needs it."""

import importlib.util
import sys

import pytest

from bench_mmseg.compat import COMPILED, build_network, load_mmseg
from benchmark import PluginError


def test_mmsegmentation_loads_and_knows_its_models():
    load_mmseg()
    from mmseg.registry import MODELS

    assert "ASPPHead" in MODELS.module_dict


def test_a_compiled_operation_fails_loudly_when_it_is_called():
    load_mmseg()
    with pytest.raises(PluginError, match="'nms'"):
        sys.modules[COMPILED].nms(1, 2)


def test_others_may_look_the_stand_in_up():
    load_mmseg()
    assert importlib.util.find_spec(COMPILED).loader is None


def test_what_cannot_be_imported_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mmseg.models", None)
    with pytest.raises(PluginError, match="install 'mmseg"):
        load_mmseg()


def test_building_a_network_initialises_it_silently(capsys):
    backbone = {"type": "ResNetV1c", "depth": 18, "stem_channels": 8, "base_channels": 8, "norm_cfg": {"type": "BN"}}
    head = {"type": "FCNHead", "in_channels": 64, "channels": 8, "num_classes": 3, "num_convs": 1}
    network = build_network({"type": "EncoderDecoder", "backbone": backbone, "decode_head": head})
    assert network.test_cfg.mode == "whole"
    assert network.decode_head.conv_seg.weight.std().item() == pytest.approx(0.01, rel=0.5)
    assert capsys.readouterr() == ("", "")
