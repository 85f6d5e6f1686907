"""Any configuration file of mmsegmentation makes a segmenter."""

import pytest
import torch

from bench_mmseg.config_file import MMSegConfig, adapted
from bench_mmseg.options import MMSegOptions
from benchmark import UsageError
from benchmark.api.stage_context import StageContext

SMALL = """
norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='SegDataPreProcessor', mean=[127.5] * 3, std=[127.5] * 3, bgr_to_rgb=True),
    pretrained='open-mmlab://resnet18_v1c',
    backbone=dict(type='ResNetV1c', depth=18, stem_channels=8, base_channels=8, norm_cfg=norm_cfg,
                  strides=(1, 1, 1, 1)),
    decode_head=dict(
        type='FCNHead', in_channels=64, channels=8, num_convs=1, num_classes=19, norm_cfg=norm_cfg,
        loss_decode=dict(type='CrossEntropyLoss', loss_weight=1.0, class_weight=[1.0] * 19)),
    auxiliary_head=[
        dict(type='FCNHead', in_channels=32, in_index=2, channels=8, num_convs=1, num_classes=19, norm_cfg=norm_cfg,
             loss_decode=dict(type='CrossEntropyLoss', loss_weight=0.4))],
    train_cfg=dict(), test_cfg=dict(mode='slide', crop_size=(32, 32), stride=(16, 16)))
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='AdamW', lr=0.01, weight_decay=0.02),
    paramwise_cfg=dict(custom_keys={'head': dict(lr_mult=10.)}))
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "small.py"
    path.write_text(SMALL)
    return str(path)


def test_a_file_trains_predicts_and_comes_back(tmp_path, config, make_set):
    data = make_set(4)
    segmenter = MMSegConfig(MMSegOptions(config=config, optimizer="sgd", lr=0.1, images_seen=240, batch_size=4))
    context = StageContext(tmp_path, precision="bf16")
    segmenter.fit(data, data, None, context)
    images = data.image_batch(range(2))[..., :45]
    predictions = segmenter.predict(images)
    assert predictions.shape == (2, 32, 45)
    assert predictions.dtype == torch.uint8
    assert (predictions == data.label_batch(range(2))[..., :45]).float().mean() > 0.8
    (tmp_path / "saved").mkdir()
    segmenter.save(tmp_path / "saved")
    other = MMSegConfig(MMSegOptions(config=config))
    other.load(tmp_path / "saved")
    assert torch.equal(other.predict(images), predictions)


def test_a_file_trains_with_alignment_and_gives_logits(tmp_path, config, make_set):
    data, target = make_set(4), make_set(4, seed=7).without_labels()
    options = MMSegOptions(config=config, images_seen=8, batch_size=4, lambda_alignment=0.1, alignment_filters=4)
    segmenter, context = MMSegConfig(options), StageContext(tmp_path)
    segmenter.fit(data, target, None, context)
    assert context.facts["skipped_steps"] == 0
    assert "alignment_accuracy" in (tmp_path / "scalars.jsonl").read_text()
    images = target.image_batch(range(2))[..., :45].requires_grad_()
    logits = segmenter.logits(images)
    assert torch.equal(logits.argmax(1).to(torch.uint8), segmenter.predict(images))
    logits.square().mean().backward()
    assert images.grad.abs().amax((1, 2, 3)).min() > 0
    assert not [p for p in segmenter._model.parameters() if p.grad is not None and p.grad.any()]


def test_a_shipped_configuration_builds_by_name():
    name = "segformer_mit-b0_8xb2-160k_ade20k-512x512"
    model = MMSegConfig(MMSegOptions(config=name)).build(7, None, pretrained=False)
    assert model(torch.rand(1, 3, 40, 70)).shape == (1, 7, 40, 70)


def test_the_file_is_adapted_to_classes_and_device(config):
    model = MMSegConfig(MMSegOptions(config=config)).build(5, torch.ones(5), pretrained=False)
    assert model.network.decode_head.conv_seg.out_channels == 5
    assert model.network.auxiliary_head[0].conv_seg.out_channels == 5
    assert model.network.decode_head.loss_decode.class_weight == [1.0] * 5
    assert not [m for m in model.modules() if isinstance(m, torch.nn.SyncBatchNorm)]
    assert model.mean.flatten().tolist() == [0.5] * 3


def test_rates_of_the_file_reach_the_optimizer(config):
    segmenter = MMSegConfig(MMSegOptions(config=config))
    optimizer = segmenter.optimizer(segmenter.build(3, None, pretrained=False))
    assert isinstance(optimizer, torch.optim.AdamW)
    assert {group["lr"] for group in optimizer.param_groups} == {0.01, 0.1}


def test_published_weights_are_named_only_when_wanted():
    model = {
        "pretrained": "a",
        "backbone": {"type": "X", "init_cfg": {"type": "Pretrained", "checkpoint": "b"}},
        "decode_head": {"num_classes": 2, "init_cfg": {"type": "Normal"}},
    }
    without = adapted(model, 3, None, pretrained=False)
    assert "pretrained" not in without
    assert "init_cfg" not in without["backbone"]
    assert without["decode_head"]["init_cfg"] == {"type": "Normal"}
    assert adapted(model, 3, None, pretrained=True)["pretrained"] == "a"


def test_published_weights_of_a_model_inside_of_a_backbone_are_named_only_when_wanted():
    inner = {"type": "ResNet", "init_cfg": {"type": "Pretrained", "checkpoint": "b"}, "depth": 18}
    model = {"backbone": {"type": "BiSeNetV1", "backbone_cfg": inner}, "decode_head": {"num_classes": 2}}
    without = adapted(model, 3, None, pretrained=False)
    assert without["backbone"]["backbone_cfg"] == {"type": "ResNet", "depth": 18}


def test_weights_of_the_file_are_kept_for_other_classes_of_loss(config):
    tree = {"loss_decode": {"type": "CrossEntropyLoss", "class_weight": [1, 2]}, "backbone": {}}
    assert "class_weight" not in adapted(tree, 3, None, pretrained=True)["loss_decode"]
    assert adapted(tree, 3, [1.0, 2.0, 3.0], pretrained=True)["loss_decode"]["class_weight"] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "which names a 'model'"),
        (SMALL.replace("FCNHead", "DreamHead"), "cannot be built: .*DreamHead"),
        (SMALL.replace("depth=18", "depth=19"), "cannot be built: .*19"),
    ],
)
def test_a_file_that_makes_no_model_is_one_clear_error(tmp_path, text, said):
    path = tmp_path / "wrong.py"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        MMSegConfig(MMSegOptions(config=str(path))).build(3, None, pretrained=False)


def test_a_file_without_optimizer_asks_for_one(tmp_path):
    path = tmp_path / "bare.py"
    path.write_text(SMALL.split("optim_wrapper")[0])
    segmenter = MMSegConfig(MMSegOptions(config=str(path)))
    with pytest.raises(UsageError, match="set 'optimizer'"):
        segmenter.optimizer(segmenter.build(3, None, pretrained=False))
