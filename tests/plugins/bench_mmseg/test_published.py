"""Published weights are read as tensors alone, and only those of the model."""

import os
from pathlib import Path

import pytest
import torch

from bench_mmseg.config_file import MMSegConfig
from bench_mmseg.options import MMSegOptions
from benchmark import UsageError

RESNET = """
model = dict(
    type='EncoderDecoder', pretrained='open-mmlab://resnet18_v1c',
    backbone=dict(type='ResNetV1c', depth=18, stem_channels=8, base_channels=8, strides=(1, 1, 1, 1)),
    decode_head=dict(type='FCNHead', in_channels=64, channels=8, num_convs=1, num_classes=19))
"""
SWIN = """
model = dict(
    type='EncoderDecoder',
    backbone=dict(type='SwinTransformer', embed_dims=8, depths=(1, 1), num_heads=(1, 1), window_size=4,
                  strides=(4, 2), out_indices=(0, 1),
                  init_cfg=dict(type='Pretrained', checkpoint='https://download.example/swin.pth')),
    decode_head=dict(type='FCNHead', in_channels=16, in_index=1, channels=8, num_convs=1, num_classes=19))
"""


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def build(tmp_path):
    def built(text, pretrained=True):
        path = tmp_path / "config.py"
        path.write_text(text)
        return MMSegConfig(MMSegOptions(config=str(path), pretrained=pretrained)).build(3, None, pretrained=True)

    return built


MODELS = pytest.mark.parametrize(
    ("text", "file"), [(RESNET, "resnet18_v1c-b5776b93.pth"), (SWIN, "swin.pth")], ids=["resnet", "swin"]
)


@MODELS
def test_code_in_a_published_file_is_not_run(cache, build, tmp_path, text, file):
    trace = tmp_path / "code-was-run"
    torch.save({"state_dict": {"conv1.weight": torch.zeros(1)}, "meta": Payload(trace)}, cache / file)
    with pytest.raises(UsageError, match="cannot be read as tensors"):
        build(text)
    assert not trace.exists()


@MODELS
def test_published_weights_of_another_model_are_refused(cache, build, text, file):
    torch.save({"state_dict": {"something.weight": torch.zeros(3)}}, cache / file)
    with pytest.raises(UsageError, match=r"not the weights of this model: .* missing"):
        build(text)


def test_published_weights_of_another_width_are_refused(cache, build):
    weights = build(RESNET, pretrained=False).network.backbone.state_dict()
    weights["layer1.0.conv1.weight"] = torch.zeros(64, 64, 3, 3)
    torch.save(weights, cache / "resnet18_v1c-b5776b93.pth")
    with pytest.raises(UsageError, match=r"'layer1.0.conv1.weight' is of another shape"):
        build(RESNET)


@MODELS
def test_published_weights_reach_the_backbone(cache, build, text, file):
    weights = build(text, pretrained=False).network.backbone.state_dict()
    weights = {f"backbone.{name}": value.clone() for name, value in weights.items()}
    torch.save({"state_dict": weights}, cache / file)
    backbone = build(text).network.backbone.state_dict()
    assert all(torch.equal(backbone[name.removeprefix("backbone.")], value) for name, value in weights.items())


def test_layers_that_a_published_file_lacks_are_named_in_the_log(cache, build, caplog):
    weights = build(SWIN, pretrained=False).network.backbone.state_dict()
    del weights["norm0.weight"]
    torch.save({"model": weights}, cache / "swin.pth")
    build(SWIN)
    assert "lacks 1 parameters, which start at random: norm0.weight" in caplog.text
    from mmengine.runner.checkpoint import CheckpointLoader, load_from_local

    assert CheckpointLoader._schemes[""] is load_from_local


def test_a_name_that_is_in_no_list_is_refused(build):
    with pytest.raises(UsageError, match="mmengine knows no open-mmlab://resnet7"):
        build(RESNET.replace("resnet18_v1c", "resnet7"))
