"""DeepLabV3 learns, resumes exactly, predicts any size, and comes back from disk as it was."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from bench_mmseg.batches import augmented, drawn_images, training_batches, with_target
from bench_mmseg.deeplabv3 import DeepLabV3, DeepLabV3Plus, pyramid_dilations
from bench_mmseg.model import padded
from bench_mmseg.options import DeepLabV3Options, DeepLabV3PlusOptions
from bench_mmseg.trainer import class_weights
from bench_mmseg.validation import miou_on
from benchmark import UsageError
from benchmark.api.stage_context import StageContext

TINY = {"backbone": "resnetv1c-18", "width": 8, "aspp_channels": 16, "dilations": (1, 2), "batch_size": 4, "lr": 0.1}


def fit(folder, data, *, kind=DeepLabV3, precision="fp32", validation=None, **options):
    folder.mkdir(parents=True, exist_ok=True)
    segmenter = kind(kind.Options(**{**TINY, "images_seen": 8, **options}))
    context = StageContext(folder, seed=1, precision=precision)
    segmenter.fit(data, data.without_labels(), validation, context)
    return segmenter, context


def weights(segmenter):
    return segmenter._model.network.state_dict()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_it_learns_four_images_by_heart(tmp_path, four, precision):
    options = {"images_seen": 400, "output_stride": 4, "pooling": False, "lr": 0.2}
    segmenter, _ = fit(tmp_path, four, precision=precision, **options)
    predictions = segmenter.predict(four.image_batch(range(4)))
    labels = four.label_batch(range(4))
    assert (predictions == labels).float().mean() > 0.95
    assert miou_on(segmenter.predict, four, 3) > 0.8


@pytest.mark.parametrize("size", [(32, 48), (33, 47), (20, 70)])
def test_predictions_have_the_size_of_the_image_and_are_train_ids(tmp_path, four, size):
    segmenter, _ = fit(tmp_path, four)
    predictions = segmenter.predict(torch.rand(2, 3, *size))
    assert predictions.shape == (2, *size)
    assert predictions.dtype == torch.uint8
    assert int(predictions.max()) < 3


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_logits_lead_back_to_the_images_and_to_no_weight(tmp_path, four, precision):
    segmenter, _ = fit(tmp_path, four, precision=precision, output_stride=4)
    images = torch.rand(2, 3, 33, 47, requires_grad=True)
    running = {name: value.clone() for name, value in weights(segmenter).items()}
    segmenter._model.zero_grad()
    logits = segmenter.logits(images)
    assert logits.dtype == torch.float32
    assert logits.shape == (2, 3, 33, 47)
    assert torch.equal(logits.argmax(1).to(torch.uint8), segmenter.predict(images))
    F.cross_entropy(logits, torch.ones(2, 33, 47, dtype=torch.long)).backward()
    assert images.grad.abs().amax((1, 2, 3)).min() > 0
    parameters = list(segmenter._model.parameters())
    assert all(p.grad is None and p.requires_grad for p in parameters)
    assert all(torch.equal(value, running[name]) for name, value in weights(segmenter).items())


def test_what_is_loaded_predicts_as_what_was_saved(tmp_path, four):
    segmenter, _ = fit(tmp_path, four, precision="bf16", kind=DeepLabV3Plus)
    folder = tmp_path / "saved"
    folder.mkdir()
    segmenter.save(folder)
    other = DeepLabV3Plus(DeepLabV3PlusOptions())
    other.load(folder)
    assert other.options == segmenter.options
    images = torch.rand(3, 3, 32, 48)
    assert torch.equal(other.predict(images), segmenter.predict(images))


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_an_interrupted_training_ends_with_the_same_weights(tmp_path, make_set, monkeypatch, average):
    data = make_set(6, variants=2)
    options = {
        "images_seen": 24,
        "checkpoint_every": 2,
        "crop": (24, 32),
        "scale": (0.8, 1.5),
        "blur": 1.0,
        "jitter": 0.2,
        "amplitude": 0.5,
        "noise": 0.1,
        "validate_every": 2,
        "average": average,
    }
    whole, _ = fit(tmp_path / "whole", data, validation=data, **options)

    from bench_mmseg import trainer

    def stopping(*args):
        draw = training_batches(*args)

        def batch(step):
            if step == 5:
                raise KeyboardInterrupt
            return draw(step)

        return batch

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(trainer, "training_batches", stopping)
        fit(tmp_path / "parts", data, validation=data, **options)
    resumed, _ = fit(tmp_path / "parts", data, validation=data, **options)
    for name, value in weights(whole).items():
        assert torch.equal(value, weights(resumed)[name]), name


def test_another_seed_gives_other_weights(tmp_path, four):
    one = DeepLabV3(DeepLabV3Options(**TINY, images_seen=4))
    one.fit(four, four, None, StageContext(tmp_path, seed=2))
    other, _ = fit(tmp_path / "other", four, images_seen=4)
    assert not torch.equal(weights(one)["decode_head.conv_seg.weight"], weights(other)["decode_head.conv_seg.weight"])


def test_the_best_checkpoint_is_chosen_by_the_validation_set(tmp_path, four, monkeypatch):
    scores = iter([0.2, 0.9, 0.5])
    seen = []

    def scored(predict, data, batch_size):
        seen.append(predict(data.image_batch([0])))
        return next(scores)

    monkeypatch.setattr("bench_mmseg.trainer.miou_on", scored)
    segmenter, context = fit(tmp_path, four, validation=four, images_seen=12, validate_every=1, lr=0.5)
    assert context.facts["chosen_step"] == 2
    assert context.facts["validation_miou"] == 0.9
    assert torch.equal(segmenter.predict(four.image_batch([0])), seen[1])


def test_the_average_of_the_weights_predicts_and_the_training_goes_on_without_it(tmp_path, four, monkeypatch):
    from bench_engine.averaging import WeightAverage, warmed_decay

    trained = []
    after_step = WeightAverage.after_step

    def noting(self, step):
        after_step(self, step)
        trained.append({name: value.clone() for name, value in self._network.network.state_dict().items()})

    monkeypatch.setattr(WeightAverage, "after_step", noting)
    options = {"images_seen": 16, "lr": 0.5}
    plain, _ = fit(tmp_path / "plain", four, **options)
    averaged, _ = fit(tmp_path / "averaged", four, average=0.5, **options)
    assert all(torch.equal(value, trained[-1][name]) for name, value in weights(plain).items())
    name = "decode_head.bottleneck.bn.running_mean"
    expected = torch.zeros(16)
    for updates, given in enumerate(trained):
        expected = expected.lerp(given[name], 1 - warmed_decay(0.5, updates))
    torch.testing.assert_close(weights(averaged)[name], expected)
    assert not torch.equal(averaged.logits(torch.rand(1, 3, 32, 48)), plain.logits(torch.rand(1, 3, 32, 48)))


def test_a_checkpoint_is_chosen_among_averages(tmp_path, four, monkeypatch):
    scores = iter([0.2, 0.9, 0.5])
    seen = []

    def scored(predict, data, batch_size):
        seen.append(predict(data.image_batch([0])))
        return next(scores)

    monkeypatch.setattr("bench_mmseg.trainer.miou_on", scored)
    options = {"images_seen": 12, "validate_every": 1, "lr": 0.5, "average": 0.9}
    segmenter, context = fit(tmp_path, four, validation=four, **options)
    assert context.facts["chosen_step"] == 2
    assert torch.equal(segmenter.predict(four.image_batch([0])), seen[1])


def test_the_validation_score_agrees_with_torchmetrics(make_set):
    from torchmetrics.functional.segmentation import mean_iou as reference

    data = make_set(5)
    data.labels[0, :4] = 255
    guesses = torch.randint(0, 3, (5, 32, 48), generator=torch.Generator().manual_seed(0))
    parts = iter(guesses.split(2))
    ours = miou_on(lambda images: next(parts).to(torch.uint8), data, 2)
    labels = torch.from_numpy(data.labels.astype(np.int64))
    valid = labels < 3
    theirs = reference(
        guesses[valid][None], labels[valid][None], num_classes=3, input_format="index", per_class=True
    ).mean()
    assert ours == pytest.approx(float(theirs))


def test_a_variant_is_drawn_anew_for_each_image_in_each_epoch(make_set):
    data = make_set(3, variants=4)
    drawn = [drawn_images(data, [(epoch, 1)], seed=0) for epoch in range(40)]
    stored = [data.image_batch([1], variant) for variant in range(4)]
    counts = [sum(torch.equal(image, variant) for image in drawn) for variant in stored]
    assert sum(counts) == 40
    assert min(counts) > 2


def test_batches_depend_on_the_step_alone(tmp_path, make_set):
    data = make_set(5)
    options = DeepLabV3Options(**TINY, scale=(0.5, 2.0), jitter=0.3)
    forward = [training_batches(data, options, StageContext(tmp_path))(step)["images"] for step in range(4)]
    draw = training_batches(data, options, StageContext(tmp_path))
    for step in reversed(range(4)):
        assert torch.equal(draw(step)["images"], forward[step])


def test_no_shuffle_and_no_augmentation_shares_its_seed_with_another(tmp_path, make_set, seeds):
    data, context = make_set(4), StageContext(tmp_path, seed=314)
    options = DeepLabV3Options(**{**TINY, "batch_size": 1}, scale=(0.5, 2.0))
    draw = with_target(training_batches(data, options, context), data.without_labels(), options, context)
    for step in range(24):
        draw(step)
    shuffles, steps = 2 * 6, 2 * 24
    assert len(seeds) == len(set(seeds)) == shuffles + steps


def test_augmentations_are_off_but_for_the_flip(make_set):
    data = make_set(4)
    images, labels = data.image_batch(range(4)), data.label_batch(range(4))
    out, _ = augmented(images, labels, DeepLabV3Options(), torch.Generator().manual_seed(0))
    for before, after in zip(images, out, strict=True):
        assert torch.equal(after, before) or torch.equal(after, before.flip(-1))


@pytest.mark.parametrize(("option", "value"), [("blur", 3.0), ("jitter", 0.5), ("amplitude", 0.5), ("noise", 0.5)])
def test_each_change_of_colours_is_switched_on_by_its_option_and_leaves_labels(make_set, option, value):
    data = make_set(4)
    images, labels = data.image_batch(range(4)), data.label_batch(range(4))
    options = DeepLabV3Options(flip=False, **{option: value})
    changed, same = augmented(images, labels, options, torch.Generator().manual_seed(0))
    assert all(not torch.equal(after, before) for after, before in zip(changed, images, strict=True))
    assert torch.equal(same, labels)


def test_class_weights_reach_the_loss(tmp_path, four):
    segmenter, _ = fit(tmp_path, four, loss="enet", auxiliary=0.0, dropout=0.0)
    model = segmenter._model.train()
    images, labels = model._input(four.image_batch(range(4))), four.label_batch(range(4))
    logits = F.interpolate(model.network.decode_head(model.network.extract_feat(images)), (32, 48), mode="bilinear")
    expected = F.cross_entropy(logits, labels.long(), weight=class_weights(four, "enet"))
    torch.testing.assert_close(model.losses(images, labels), {"loss_ce": expected})


def test_the_losses_are_those_of_mmsegmentation(tmp_path, four):
    segmenter, _ = fit(tmp_path, four, dropout=0.0)
    model = segmenter._model.train()
    from bench_mmseg.model import _samples

    images, labels = model._input(four.image_batch(range(4))), four.label_batch(range(4))
    ours, theirs = model.losses(images, labels), model.network.loss(images, _samples(labels))
    torch.testing.assert_close(ours["loss_ce"], theirs["decode.loss_ce"])
    torch.testing.assert_close(ours["loss_aux"], 0.4 * theirs["aux.loss_ce"])


@pytest.mark.parametrize(("stride", "pooling"), [(4, True), (4, False), (8, True), (8, False), (16, True), (16, False)])
def test_features_have_the_output_stride(stride, pooling):
    options = DeepLabV3Options(**TINY, output_stride=stride, pooling=pooling)
    model = DeepLabV3(options).build(3, None, pretrained=False)
    features = model.network.extract_feat(torch.zeros(1, 3, 64, 96))
    assert features[-1].shape[2:] == (64 // stride, 96 // stride)
    assert features[0].shape[2:] == (64 // (4 if pooling else 2), 96 // (4 if pooling else 2))


def test_the_pyramid_dilates_twice_as_far_at_output_stride_8():
    assert pyramid_dilations(DeepLabV3Options(output_stride=16)) == (1, 6, 12, 18)
    assert pyramid_dilations(DeepLabV3Options(output_stride=8)) == (1, 12, 24, 36)


@pytest.mark.parametrize("kind", [DeepLabV3, DeepLabV3Plus])
def test_a_timm_backbone_trains(tmp_path, four, kind):
    segmenter, context = fit(tmp_path, four, kind=kind, backbone="timm:resnet10t", images_seen=4)
    assert context.facts["skipped_steps"] == 0
    assert segmenter.predict(four.image_batch([0])).shape == (1, 32, 48)


@pytest.mark.parametrize("separable", [True, False])
def test_the_plus_decoder_answers_at_the_size_of_the_first_features(separable):
    options = DeepLabV3PlusOptions(**TINY, separable=separable)
    network = DeepLabV3Plus(options).build(3, None, pretrained=False).network
    assert network.decode_head(network.extract_feat(torch.zeros(2, 3, 64, 96))).shape == (2, 3, 16, 24)
    depthwise = [m for m in network.decode_head.modules() if isinstance(m, torch.nn.Conv2d) and m.groups > 1]
    assert bool(depthwise) == separable


@pytest.mark.parametrize("backbone", ["timm:resnet_of_dreams", "timm:vgg11"])
def test_a_timm_backbone_that_cannot_be_is_one_clear_error(backbone):
    with pytest.raises(UsageError, match=backbone):
        DeepLabV3(DeepLabV3Options(backbone=backbone)).build(3, None, pretrained=False)


def test_weights_of_a_file_reach_the_backbone(tmp_path):
    donor = DeepLabV3(DeepLabV3Options(**TINY)).build(3, None, pretrained=False).network.backbone.state_dict()
    path = tmp_path / "backbone.safetensors"
    save_file({**{name: value + 1 for name, value in donor.items()}, "fc.weight": torch.zeros(2)}, path)
    model = DeepLabV3(DeepLabV3Options(**TINY, pretrained=str(path))).build(3, None, pretrained=True)
    assert torch.equal(model.network.backbone.layer1[0].conv1.weight, donor["layer1.0.conv1.weight"] + 1)


@pytest.mark.parametrize("prefix", ["", "timm_model.", "backbone.timm_model."])
def test_weights_of_a_timm_model_are_taken_by_the_names_of_timm_or_of_mmsegmentation(tmp_path, prefix):
    options = {**TINY, "backbone": "timm:resnet10t"}
    donor = DeepLabV3(DeepLabV3Options(**options)).build(3, None, pretrained=False).network.backbone.timm_model
    path = tmp_path / "timm.safetensors"
    save_file({f"{prefix}{name}": value + 1 for name, value in donor.state_dict().items()}, path)
    model = DeepLabV3(DeepLabV3Options(**options, pretrained=str(path))).build(3, None, pretrained=True)
    taken = model.network.backbone.timm_model.layer1[0].conv1.weight
    assert torch.equal(taken, donor.layer1[0].conv1.weight + 1)


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "other.pth"
    torch.save({"state_dict": {"stem.0.weight": torch.zeros(1)}}, path)
    with pytest.raises(UsageError, match="not the weights of this backbone"):
        DeepLabV3(DeepLabV3Options(**TINY, pretrained=str(path))).build(3, None, pretrained=True)


@pytest.mark.parametrize("name", ["cut.pth", "cut.safetensors"])
def test_a_damaged_file_of_weights_is_one_line(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"garbage")
    with pytest.raises(UsageError, match=rf"^pretrained weights: {path} cannot be read as tensors by name; fetch it"):
        DeepLabV3(DeepLabV3Options(**TINY, pretrained=str(path))).build(3, None, pretrained=True)


def test_published_weights_without_network_say_where_to_put_the_file(tmp_path, monkeypatch):
    def offline(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(UsageError, match=f"copy the file to {tmp_path}/checkpoints/resnet50_v1c"):
        DeepLabV3(DeepLabV3Options(pretrained=True)).build(3, None, pretrained=True)


def test_weights_that_nobody_published_are_not_looked_for():
    with pytest.raises(UsageError, match="no published weights of resnetv1c-18 with width 8"):
        DeepLabV3(DeepLabV3Options(**TINY, pretrained=True)).build(3, None, pretrained=True)


def test_padding_reaches_the_next_multiple_and_repeats_the_border():
    images = torch.arange(6.0).view(1, 1, 2, 3)
    out = padded(images, 4)
    assert out.shape == (1, 1, 4, 4)
    assert out[0, 0, 3].tolist() == [3, 4, 5, 5]
    assert padded(images, 1) is images


def test_sample_pictures_show_image_label_and_prediction_and_change_no_weight(tmp_path, four):
    drawing, context = fit(tmp_path / "drawing", four, images_seen=12, sample_every=1)
    plain, _ = fit(tmp_path / "plain", four, images_seen=12, sample_every=0)
    assert all(torch.equal(value, weights(plain)[name]) for name, value in weights(drawing).items())
    from PIL import Image

    assert Image.open(context.folder / "pictures" / "step_0000002.png").size == (3 * 48, 4 * 32)


def test_the_pyramid_pooling_is_that_of_mmsegmentation():
    network = DeepLabV3(DeepLabV3Options(**TINY)).build(3, None, pretrained=False).network.eval()
    head, features = network.decode_head, network.extract_feat(torch.rand(2, 3, 64, 96))
    from mmseg.models.decode_heads import ASPPHead

    torch.testing.assert_close(head(features), ASPPHead.forward(head, features))
    torch.testing.assert_close(head._forward_feature(features), ASPPHead._forward_feature(head, features))
