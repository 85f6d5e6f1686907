"""The losses of both segmenters are mmsegmentation's, however many pixels are ignored, with class weights too."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from bench_mmseg.config_file import MMSegConfig
from bench_mmseg.deeplabv3 import DeepLabV3
from bench_mmseg.losses import cross_entropy
from bench_mmseg.model import _samples
from bench_mmseg.options import DeepLabV3Options, MMSegOptions
from benchmark import IGNORE

CLASSES = 3
WEIGHTS = (0.5, 1.0, 4.0)
TINY = {"backbone": "resnetv1c-18", "width": 8, "aspp_channels": 16, "dilations": (1, 2), "dropout": 0.0}
FILE = """
model = dict(
    type='EncoderDecoder',
    backbone=dict(type='ResNetV1c', depth=18, stem_channels=8, base_channels=8, strides=(1, 1, 1, 1)),
    decode_head=dict(
        type='FCNHead', in_channels=64, channels=8, num_convs=1, num_classes=19, dropout_ratio=0.0,
        loss_decode=dict(type='CrossEntropyLoss')))
"""


def labels_with(ignored):
    """Two label maps of 32 x 48 pixels, a share of them ignored."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, CLASSES, (2, 32, 48), dtype=np.uint8)
    labels[draw.random(labels.shape) < ignored] = IGNORE
    return torch.from_numpy(labels)


def images():
    return torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))


def deeplab(class_weights=None, **options):
    torch.manual_seed(0)
    weights = None if class_weights is None else torch.tensor(class_weights)
    return DeepLabV3(DeepLabV3Options(**TINY, **options)).build(CLASSES, weights, pretrained=False).train()


def configured(tmp_path, class_weights=None, **options):
    torch.manual_seed(0)
    path = tmp_path / "small.py"
    path.write_text(FILE)
    segmenter = MMSegConfig(MMSegOptions(config=str(path), **options))
    weights = None if class_weights is None else torch.tensor(class_weights)
    return segmenter.build(CLASSES, weights, pretrained=False).train()


def loss_in_numpy(logits, labels, class_weights, average):
    """Cross-entropy by its definition, one pixel after the other."""
    scores, labels = logits.detach().double().numpy(), labels.numpy()
    total = weight = labelled = 0.0
    for n, y, x in np.ndindex(labels.shape):
        label = labels[n, y, x]
        if label == IGNORE:
            continue
        log_sum = np.log(np.exp(scores[n, :, y, x]).sum())
        total += class_weights[label] * (log_sum - scores[n, label, y, x])
        weight += class_weights[label]
        labelled += 1
    return total / (weight * labels.size / labelled if average == "all" else weight)


@pytest.mark.parametrize("ignored", [0.0, 0.3, 1.0])
def test_deeplabv3_has_the_losses_of_mmsegmentations_heads(ignored):
    model, labels = deeplab(), labels_with(ignored)
    normalised = model._input(images())
    ours, theirs = model.losses(normalised, labels), model.network.loss(normalised, _samples(labels))
    torch.testing.assert_close(ours["loss_ce"], theirs["decode.loss_ce"])
    torch.testing.assert_close(ours["loss_aux"], 0.4 * theirs["aux.loss_ce"])


@pytest.mark.parametrize("average", ["all", "labelled"])
@pytest.mark.parametrize("class_weights", [None, WEIGHTS])
def test_a_batch_without_labels_has_loss_0_and_no_gradient(average, class_weights):
    model = deeplab(class_weights, loss_average=average)
    losses = model.losses(model._input(images()), labels_with(1.0))
    assert {name: value.item() for name, value in losses.items()} == {"loss_ce": 0.0, "loss_aux": 0.0}
    sum(losses.values()).backward()
    assert all(p.grad is None or not p.grad.any() for p in model.parameters())


@pytest.mark.parametrize("average", ["all", "labelled"])
@pytest.mark.parametrize("class_weights", [None, WEIGHTS])
def test_the_loss_with_ignored_pixels_is_its_definition(average, class_weights):
    logits = torch.randn(2, CLASSES, 8, 6, generator=torch.Generator().manual_seed(1))
    labels = labels_with(0.3)[:, :8, :6]
    weights = None if class_weights is None else torch.tensor(class_weights)
    expected = loss_in_numpy(logits, labels, class_weights or (1.0,) * CLASSES, average)
    assert float(cross_entropy(logits, labels.long(), weights, average)) == pytest.approx(expected, rel=1e-5)


def test_without_ignored_pixels_class_weights_count_as_in_mmsegmentation():
    from mmseg.models.losses import CrossEntropyLoss

    logits = torch.randn(2, CLASSES, 32, 48, generator=torch.Generator().manual_seed(1))
    labels = labels_with(0.0).long()
    theirs = CrossEntropyLoss(class_weight=list(WEIGHTS))(logits, labels, ignore_index=IGNORE)
    for average in ("all", "labelled"):
        torch.testing.assert_close(cross_entropy(logits, labels, torch.tensor(WEIGHTS), average), theirs)


def test_labelled_pixels_alone_count_as_in_torch():
    logits = torch.randn(2, CLASSES, 32, 48, generator=torch.Generator().manual_seed(1))
    labels, weights = labels_with(0.3).long(), torch.tensor(WEIGHTS)
    expected = F.cross_entropy(logits, labels, weights, ignore_index=IGNORE)
    torch.testing.assert_close(cross_entropy(logits, labels, weights, "labelled"), expected)


@pytest.mark.parametrize("average", ["all", "labelled"])
@pytest.mark.parametrize("class_weights", [None, WEIGHTS])
@pytest.mark.parametrize("ignored", [0.0, 0.3, 1.0])
def test_a_configured_model_averages_its_loss_as_deeplabv3_does(tmp_path, average, class_weights, ignored):
    model, labels = configured(tmp_path, class_weights, loss_average=average), labels_with(ignored)
    normalised = model._input(images())
    weights = None if class_weights is None else torch.tensor(class_weights)
    head = model.network.decode_head(model.network.extract_feat(normalised))
    logits = F.interpolate(head, labels.shape[1:], mode="bilinear")
    expected = cross_entropy(logits, labels.long(), weights, average)
    torch.testing.assert_close(model.losses(normalised, labels)["decode.loss_ce"], expected)


def test_both_segmenters_average_over_all_pixels_by_default():
    defaults = {kind.model_fields["loss_average"].default for kind in (DeepLabV3Options, MMSegOptions)}
    assert defaults == {"all"}
