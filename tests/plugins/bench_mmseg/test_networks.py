"""Every segmenter of a name is mmsegmentation's network, learns, and takes weights of its own."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from safetensors.torch import save_file

from bench_mmseg import deeplabv3, segformer, unet
from bench_mmseg.compat import build_network
from bench_mmseg.config_file import adapted
from bench_mmseg.deeplabv3 import DeepLabV3, DeepLabV3Plus
from bench_mmseg.options import config_path
from bench_mmseg.segformer import SegFormer
from bench_mmseg.trainer import rate_factor
from bench_mmseg.unet import UNet
from bench_mmseg.validation import miou_on
from benchmark import UsageError
from benchmark.api.stage_context import StageContext

PYRAMID = {"backbone": "resnetv1c-18", "width": 8, "aspp_channels": 16, "dilations": (1, 2)}
TINY = {
    DeepLabV3: PYRAMID,
    DeepLabV3Plus: PYRAMID,
    SegFormer: {"width": 8, "channels": 16},
    UNet: {"width": 4, "levels": 3},
}
LEARNING = {
    DeepLabV3: {"output_stride": 4, "pooling": False, "lr": 0.2},
    DeepLabV3Plus: {"pooling": False, "lr": 0.2},
    SegFormer: {"width": 16, "stride": 2, "lr": 1e-3, "loss": "median"},
    UNet: {"lr": 0.2},
}


def shapes(network):
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def count(network):
    return sum(weight.numel() for weight in network.parameters())


def build(kind, loading=False, **options):
    return kind(kind.Options(**{**TINY[kind], **options})).build(3, None, pretrained=loading)


@pytest.mark.parametrize(
    ("module", "kind", "options", "shipped"),
    [
        (deeplabv3, DeepLabV3, {}, "deeplabv3_r50-d8_4xb2-40k_cityscapes-512x1024"),
        (segformer, SegFormer, {}, "segformer_mit-b0_8xb1-160k_cityscapes-1024x1024"),
        (
            segformer,
            SegFormer,
            {"variant": "b2", "channels": 256},
            "segformer_mit-b2_8xb1-160k_cityscapes-1024x1024",
        ),
        (unet, UNet, {}, "unet-s5-d16_fcn_4xb4-160k_cityscapes-512x1024"),
    ],
)
def test_the_default_network_has_the_layers_of_mmsegmentations_configuration(module, kind, options, shipped):
    theirs = build_network(adapted(Config.fromfile(config_path(shipped)).model, 19, None, pretrained=False))
    ours = build_network(module.network_config(kind.Options(**options), 19))
    assert shapes(ours) == shapes(theirs)
    strides = [module.stride for module in ours.modules() if isinstance(module, torch.nn.Conv2d)]
    assert strides == [module.stride for module in theirs.modules() if isinstance(module, torch.nn.Conv2d)]


def test_deeplabv3plus_has_the_layers_of_mmsegmentations_configuration():
    theirs = Config.fromfile(config_path("deeplabv3plus_r50-d8_4xb2-40k_cityscapes-512x1024")).model
    ours = deeplabv3.network_config(DeepLabV3Plus.Options(), 19)
    theirs = build_network(adapted(theirs, 19, None, pretrained=False))
    assert shapes(build_network(ours)) == shapes(theirs)


@pytest.mark.parametrize(("variant", "millions"), [("b0", 3.8), ("b1", 13.7), ("b2", 27.5), ("b3", 47.3)])
def test_segformer_has_as_many_parameters_as_published_for_ade20k(variant, millions):
    network = build_network(segformer.network_config(SegFormer.Options(variant=variant), 150))
    assert round(count(network) / 1e6, 1) == millions


@pytest.mark.parametrize("kind", TINY)
def test_a_segmenter_learns_four_images_by_heart(tmp_path, four, kind):
    options = {"images_seen": 400, "batch_size": 4, "sample_every": 0, **TINY[kind], **LEARNING[kind]}
    segmenter = kind(kind.Options(**options))
    segmenter.fit(four, four.without_labels(), None, StageContext(tmp_path, seed=1))
    assert miou_on(segmenter.predict, four, 4) > 0.8


@pytest.mark.parametrize("kind", TINY)
def test_weights_of_a_file_reach_the_backbone_and_those_of_another_are_refused(tmp_path, kind):
    donor = build(kind).network.backbone.state_dict()
    path = tmp_path / "backbone.safetensors"
    save_file({**{name: value + 1 for name, value in donor.items()}, "fc.weight": torch.zeros(2)}, path)
    given = build(kind, pretrained=str(path)).network.backbone.state_dict()
    taken = build(kind, True, pretrained=str(path)).network.backbone.state_dict()
    assert all(torch.equal(value, donor[name] + 1) for name, value in taken.items())
    assert not all(torch.equal(value, donor[name] + 1) for name, value in given.items())
    save_file({"stem.0.weight": torch.zeros(1)}, path)
    with pytest.raises(UsageError, match="not the weights of this backbone"):
        build(kind, True, pretrained=str(path))


@pytest.mark.parametrize("stride", [2, 4])
def test_the_features_of_segformer_have_its_stride(stride):
    model = build(SegFormer, stride=stride)
    sizes = [tuple(level.shape[2:]) for level in model.network.extract_feat(torch.zeros(1, 3, 64, 96))]
    assert sizes == [(64 // size, 96 // size) for size in (stride, 2 * stride, 4 * stride, 8 * stride)]


def test_the_head_of_segformer_is_that_of_mmsegmentation():
    from mmseg.models.decode_heads import SegformerHead

    network = build(SegFormer).network.eval()
    features = network.extract_feat(torch.rand(2, 3, 64, 96))
    torch.testing.assert_close(network.decode_head(features), SegformerHead.forward(network.decode_head, features))


def test_segformer_trains_with_the_groups_and_rates_of_mmsegmentations_configuration():
    from mmengine.optim import build_optim_wrapper
    from mmengine.registry import DefaultScope

    theirs = Config.fromfile(config_path("segformer_mit-b0_8xb1-160k_cityscapes-1024x1024"))
    segmenter = SegFormer(SegFormer.Options(images_seen=1_280_000, batch_size=8))
    model = segmenter.build(19, None, pretrained=False)
    with DefaultScope.overwrite_default_scope("mmseg"):
        expected = build_optim_wrapper(model.network, dict(theirs.optim_wrapper)).optimizer
    found = segmenter.optimizer(model)
    assert isinstance(found, type(expected))

    def settings(optimizer):
        rows = {}
        for group in optimizer.param_groups:
            rows |= {id(weight): (group["lr"], group["weight_decay"], group["betas"]) for weight in group["params"]}
        return rows

    assert settings(found) == settings(expected)
    warm_up, poly = theirs.param_scheduler
    assert segmenter.options.steps == theirs.train_cfg.max_iters == poly.end
    assert segmenter.options.warm_up * segmenter.options.steps == warm_up.end == poly.begin
    assert (segmenter.options.power, segmenter.options.end_factor) == (poly.power, poly.eta_min)
    assert rate_factor(segmenter.options)(0.5) == pytest.approx(0.5)


def test_segformer_names_no_published_weights_for_a_width_that_nobody_published():
    with pytest.raises(UsageError, match="no published weights of b0 with width 8; use width 32"):
        build(SegFormer, True, pretrained=True)


@pytest.mark.parametrize("variant", ["b0", "b5"])
def test_published_weights_of_segformer_are_those_that_mmsegmentation_names(tmp_path, monkeypatch, variant):
    def offline(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(UsageError, match=f"copy the file to {tmp_path}/checkpoints/mit_{variant}_20220624"):
        build(SegFormer, True, pretrained=True, variant=variant, width=None)


@pytest.mark.parametrize("levels", [2, 5])
def test_unet_takes_any_size_and_has_a_level_for_each_resolution(levels):
    model = build(UNet, levels=levels).eval()
    assert len(model.network.extract_feat(torch.zeros(1, 3, 32, 32))) == levels
    assert model(torch.rand(1, 3, 21, 35)).shape == (1, 3, 21, 35)


PAGE = (Path(__file__).parents[3] / "docs" / "segmenters.md").read_text()


@pytest.mark.parametrize(
    ("name", "module", "kind"),
    [
        ("deeplabv3", deeplabv3, DeepLabV3),
        ("deeplabv3plus", deeplabv3, DeepLabV3Plus),
        ("segformer", segformer, SegFormer),
        ("unet", unet, UNet),
    ],
)
def test_the_page_of_segmenters_says_how_many_parameters_the_default_network_has(name, module, kind):
    [row] = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |") and "arXiv" in line]
    network = build_network(module.network_config(kind.Options(), 19))
    assert row.split("|")[3].strip() == f"{count(network):,}"
