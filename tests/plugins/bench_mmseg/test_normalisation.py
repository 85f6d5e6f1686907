"""Statistics of a small network after adaptation, against those computed by hand."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from bench_mmseg.config_file import MMSegConfig
from bench_mmseg.deeplabv3 import DeepLabV3
from bench_mmseg.normalisation import batch_norms, estimate_statistics
from bench_mmseg.options import DeepLabV3Options, MMSegOptions
from benchmark import AdaptsStatistics, DataError, Unavailable
from benchmark.api.stage_context import StageContext

TINY = {"backbone": "resnetv1c-18", "width": 8, "aspp_channels": 16, "dilations": (1, 2), "batch_size": 2}


class Doubled(nn.Module):
    """Passes all images through one layer, then through the other, whose statistics stand on the first's."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.unused = nn.BatchNorm2d(3), nn.BatchNorm2d(3), nn.BatchNorm2d(3)
        self.dropout = nn.Dropout(0.5)

    def forward(self, images):
        return self.dropout(self.second(self.first(images).relu()))


def averages(batches, change=lambda batch: batch):
    """Mean over images of the mean and the unbiased variance of each batch, by channel."""
    sizes = torch.tensor([float(len(batch)) for batch in batches])
    values = [change(batch).transpose(0, 1).flatten(1) for batch in batches]
    means = torch.stack([value.mean(1) for value in values])
    variances = torch.stack([value.var(1) for value in values])
    return sizes @ means / sizes.sum(), sizes @ variances / sizes.sum()


def normalised(batch):
    mean, variance = batch.mean((0, 2, 3), keepdim=True), batch.var((0, 2, 3), correction=0, keepdim=True)
    return ((batch - mean) / (variance + 1e-5).sqrt()).relu()


def adapt(network, data, batch_size, tmp_path):
    estimate_statistics(network, network, data, batch_size, StageContext(tmp_path))


def test_statistics_are_those_of_the_images_computed_by_hand(make_set, tmp_path):
    data = make_set(7)
    network = Doubled()
    with torch.no_grad():
        network.first.running_mean += 9
        network.first.running_var += 9
    adapt(network, data, 2, tmp_path)
    batches = [data.image_batch(indices) for indices in ([0, 1, 2], [3, 4], [5, 6])]
    for layer, change in ((network.first, lambda batch: batch), (network.second, normalised)):
        mean, variance = averages(batches, change)
        torch.testing.assert_close(layer.running_mean, mean)
        torch.testing.assert_close(layer.running_var, variance)


def test_the_mean_is_that_of_all_images_whatever_the_size_of_batches(make_set, tmp_path):
    data = make_set(7)
    expected = data.image_batch(range(7)).mean((0, 2, 3))
    for batch_size in (1, 3, 4, 100):
        network = Doubled()
        adapt(network, data, batch_size, tmp_path)
        torch.testing.assert_close(network.first.running_mean, expected)


def test_what_no_image_reaches_and_how_the_network_trains_stay_as_they_were(make_set, tmp_path):
    network = Doubled().train()
    network.first.momentum, network.second.momentum = 0.3, None
    before = copy.deepcopy(network.unused.state_dict())
    adapt(network, make_set(4), 2, tmp_path)
    assert all(torch.equal(value, before[name]) for name, value in network.unused.state_dict().items())
    assert (network.first.momentum, network.second.momentum) == (0.3, None)
    assert not any(module.training for module in network.modules())
    assert not any(layer._forward_pre_hooks for layer in batch_norms(network))


def test_a_network_without_batch_norm_is_refused(make_set, tmp_path):
    with pytest.raises(Unavailable, match="expected batch norm with running statistics, but this network has none"):
        adapt(nn.Sequential(nn.Conv2d(3, 2, 1), nn.GroupNorm(1, 2)), make_set(4), 2, tmp_path)


def test_a_single_image_is_refused(make_set, tmp_path):
    with pytest.raises(DataError, match="expected at least 2 images, but there are 1"):
        adapt(Doubled(), make_set(1), 2, tmp_path)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_segmenter_predicts_and_is_saved_with_the_statistics_of_the_target_and_its_own_weights(
    make_set, tmp_path, precision
):
    data, target = make_set(4), make_set(5, seed=1).without_labels()
    segmenter = DeepLabV3(DeepLabV3Options(**TINY, images_seen=4))
    segmenter.fit(data, target, None, StageContext(tmp_path, precision=precision))
    assert isinstance(segmenter, AdaptsStatistics)
    network = segmenter._model.network
    before = copy.deepcopy(network.state_dict())
    segmenter.adapt_statistics(target, StageContext(tmp_path))
    after = network.state_dict()
    statistics = [name for name in before if "running_" in name and not name.startswith("auxiliary")]
    assert all(not torch.equal(before[name], after[name]) for name in statistics)
    assert all(torch.equal(weight, before[name]) for name, weight in network.named_parameters())
    first = network.backbone.stem[0]
    parts = [segmenter._model._input(target.image_batch(indices)) for indices in ([0, 1, 2], [3, 4])]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        features = [first(part).float() for part in parts]
    mean, variance = averages(features)
    torch.testing.assert_close(after["backbone.stem.1.running_mean"], mean, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(after["backbone.stem.1.running_var"], variance, rtol=1e-3, atol=1e-4)
    folder = tmp_path / "saved"
    folder.mkdir()
    segmenter.save(folder)
    loaded = DeepLabV3(DeepLabV3Options())
    loaded.load(folder)
    assert torch.equal(loaded.logits(data.image_batch([0])), segmenter.logits(data.image_batch([0])))


def test_a_configured_network_without_batch_norm_is_refused(make_set, tmp_path):
    norm = "dict(type='GN', num_groups=2)"
    (tmp_path / "group.py").write_text(
        "model = dict(type='EncoderDecoder',"
        f" backbone=dict(type='UNet', base_channels=4, num_stages=2, strides=(1, 1), enc_num_convs=(1, 1),"
        f" dec_num_convs=(1,), downsamples=(True,), enc_dilations=(1, 1), dec_dilations=(1,), norm_cfg={norm}),"
        f" decode_head=dict(type='FCNHead', in_channels=4, in_index=1, channels=4, num_convs=1, num_classes=3,"
        f" norm_cfg={norm}))"
    )
    data = make_set(4)
    options = {"images_seen": 4, "optimizer": "adamw", "lr": 1e-3}
    segmenter = MMSegConfig(MMSegOptions(config=str(tmp_path / "group.py"), **options))
    segmenter.fit(data, data.without_labels(), None, StageContext(tmp_path))
    with pytest.raises(Unavailable, match="this network has none"):
        segmenter.adapt_statistics(data.without_labels(), StageContext(tmp_path))


def test_a_network_that_predicts_by_windows_gets_the_statistics_of_all_windows(make_set, tmp_path):
    (tmp_path / "windows.py").write_text(
        "model = dict(type='EncoderDecoder',"
        " backbone=dict(type='UNet', base_channels=4, num_stages=2, strides=(1, 1), enc_num_convs=(1, 1),"
        " dec_num_convs=(1,), downsamples=(True,), enc_dilations=(1, 1), dec_dilations=(1,)),"
        " decode_head=dict(type='FCNHead', in_channels=4, in_index=1, channels=4, num_convs=1, num_classes=3),"
        " test_cfg=dict(mode='slide', crop_size=(32, 32), stride=(32, 32)))"
    )
    data = make_set(4, size=(32, 64))
    options = {"images_seen": 4, "optimizer": "adamw", "lr": 1e-3}
    segmenter = MMSegConfig(MMSegOptions(config=str(tmp_path / "windows.py"), **options))
    segmenter.fit(data, data.without_labels(), None, StageContext(tmp_path))
    segmenter.adapt_statistics(data.without_labels(), StageContext(tmp_path))
    encoder = segmenter._model.network.backbone.encoder[0][0].convs[0]
    with torch.no_grad():
        features = encoder.conv(segmenter._model._input(data.image_batch(range(4))))
    np.testing.assert_allclose(encoder.bn.running_mean, features.mean((0, 2, 3)), atol=1e-2)
