"""Alignment changes nothing while it is off, follows its two losses when on, and resumes exactly."""

import json
from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F

from bench_engine.optimizers import sgd, wrap
from bench_engine.randomness import seed_everything
from bench_mmseg import trainer
from bench_mmseg.alignment import AlignedModel, ScoreDiscriminator
from bench_mmseg.batches import training_batches, with_target
from bench_mmseg.deeplabv3 import DeepLabV3
from bench_mmseg.options import DeepLabV3Options
from benchmark.api.stage_context import StageContext

TINY = {
    "backbone": "resnetv1c-18",
    "width": 8,
    "aspp_channels": 16,
    "dilations": (1, 2),
    "batch_size": 4,
    "lr": 0.1,
    "images_seen": 16,
    "dropout": 0.0,
    "log_every": 1,
    "alignment_filters": 4,
}


@pytest.fixture
def sets(make_set):
    return make_set(6), make_set(5, seed=7).without_labels()


def fit(folder, sets, **options):
    folder.mkdir(exist_ok=True)
    segmenter = DeepLabV3(DeepLabV3Options(**{**TINY, **options}))
    context = StageContext(folder, seed=1)
    segmenter.fit(*sets, None, context)
    return segmenter, context


def logged(context):
    return [json.loads(line) for line in (context.folder / "scalars.jsonl").read_text().splitlines()]


def aligned_model(context, **options):
    options = DeepLabV3Options(**{**TINY, "lambda_alignment": 0.5, **options})
    seed_everything(context, "segmenter:weights")
    return AlignedModel(DeepLabV3(options).build(3, None, pretrained=False), 3, options, context).train()


def test_without_alignment_each_step_is_that_of_plain_training(tmp_path, sets):
    segmenter, context = fit(tmp_path / "fitted", sets)
    options, draw = segmenter.options, training_batches(sets[0], segmenter.options, context)
    seed_everything(context, "segmenter:weights")
    plain = DeepLabV3(options).build(3, None, pretrained=False).to(memory_format=torch.channels_last).train()
    rule = torch.optim.SGD(plain.parameters(), lr=options.lr, momentum=0.9, weight_decay=options.weight_decay)
    losses = []
    for step in range(options.steps):
        rule.param_groups[0]["lr"] = options.lr * (1 - step / options.steps) ** 0.9
        batch = draw(step)
        features = plain.network.extract_feat(plain._input(batch["images"]))
        heads = [(plain.network.decode_head, 1.0), (plain.network.auxiliary_head, options.auxiliary)]
        maps = [F.interpolate(head(features), (32, 48), mode="bilinear") for head, _ in heads]
        terms = [F.cross_entropy(logits, batch["labels"].long()) for logits in maps]
        loss = sum(weight * term for (_, weight), term in zip(heads, terms, strict=True))
        rule.zero_grad()
        loss.backward()
        rule.step()
        losses.append(loss.item())
    assert [line["loss"] for line in logged(context)] == pytest.approx(losses, rel=1e-4)
    assert not [name for line in logged(context) for name in line if "alignment" in name]
    torch.testing.assert_close(segmenter._model.network.state_dict(), plain.network.state_dict(), rtol=1e-3, atol=1e-4)


def test_until_alignment_starts_training_is_as_without_it(tmp_path, sets):
    _, off = fit(tmp_path / "off", sets)
    _, late = fit(tmp_path / "late", sets, lambda_alignment=1.0, alignment_from=0.5)
    plain, delayed = logged(off), logged(late)
    assert ["alignment" in line for line in delayed] == [False, False, True, True]
    assert [line["loss"] for line in delayed[:2]] == [line["loss"] for line in plain[:2]]
    assert delayed[2]["loss_ce"] == plain[2]["loss_ce"]
    assert delayed[3]["loss_ce"] != plain[3]["loss_ce"]


def test_a_step_follows_both_losses_on_the_maps_of_before(tmp_path, sets):
    context = StageContext(tmp_path, seed=1)
    model = aligned_model(context)
    twin = deepcopy(model)
    data = with_target(training_batches(sets[0], model.options, context), sets[1], model.options, context)(0)
    wrappers = wrap({"segmenter": sgd(model.segmenter.parameters(), 0.1, 0.0)} | model.optimizers(), context)
    values = model.train_step(data, wrappers)

    losses = twin.segmenter.losses(twin.segmenter._input(data["images"]), data["labels"])
    with torch.no_grad():
        training = deepcopy(twin.segmenter)(data["images"]).softmax(1)
    target = twin.segmenter(data["target"]).softmax(1)
    fooled = twin.discriminator(target)
    alignment = F.binary_cross_entropy_with_logits(fooled, torch.ones_like(fooled))
    torch.testing.assert_close(values["loss"], sum(losses.values()) + 0.5 * alignment)
    gradients = torch.autograd.grad(sum(losses.values()) + 0.5 * alignment, list(twin.segmenter.parameters()))
    for trained, before, gradient in zip(
        model.segmenter.parameters(), twin.segmenter.parameters(), gradients, strict=True
    ):
        torch.testing.assert_close(trained, before - 0.1 * gradient, rtol=1e-4, atol=1e-5)

    real, fake = twin.discriminator(training), twin.discriminator(target.detach())
    verdict = F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
    verdict = verdict + F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
    torch.testing.assert_close(values["alignment_discriminator"], verdict)
    rule = torch.optim.Adam(twin.discriminator.parameters(), 1e-4, (0.9, 0.99))
    verdict.backward()
    rule.step()
    torch.testing.assert_close(model.discriminator.state_dict(), twin.discriminator.state_dict())


def test_an_interrupted_aligned_training_ends_with_the_same_weights(tmp_path, sets, monkeypatch):
    options = {
        "lambda_alignment": 0.1,
        "alignment_from": 0.25,
        "checkpoint_every": 2,
        "images_seen": 24,
        "dropout": 0.1,
    }
    options |= {"crop": (24, 32), "scale": (0.8, 1.5), "blur": 1.0, "jitter": 0.2}
    whole, context = fit(tmp_path / "whole", sets, **options)

    def stopping(*args):
        draw = with_target(*args)

        def batch(step):
            if step == 5:
                raise KeyboardInterrupt
            return draw(step)

        return batch

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(trainer, "with_target", stopping)
        fit(tmp_path / "parts", sets, **options)
    resumed, parts = fit(tmp_path / "parts", sets, **options)
    for name, value in whole._model.network.state_dict().items():
        assert torch.equal(value, resumed._model.network.state_dict()[name]), name
    assert logged(parts)[-1] == logged(context)[-1]


def test_a_target_image_that_is_not_finite_costs_one_step(tmp_path, sets, monkeypatch):
    def spoilt(*args):
        draw = with_target(*args)

        def batch(step):
            drawn = draw(step)
            return {**drawn, "target": drawn["target"] * float("nan")} if step == 1 else drawn

        return batch

    monkeypatch.setattr(trainer, "with_target", spoilt)
    segmenter, context = fit(tmp_path, sets, lambda_alignment=0.1)
    assert context.facts["skipped_steps"] == 1
    assert all(value.isfinite().all() for value in segmenter._model.network.state_dict().values())
    assert {"alignment", "alignment_discriminator", "alignment_accuracy"} <= set(logged(context)[-1])


def test_target_batches_depend_on_the_step_alone_and_leave_the_labelled_ones(tmp_path, sets):
    options = DeepLabV3Options(**TINY, scale=(0.5, 2.0), jitter=0.3, lambda_alignment=1.0, alignment_from=0.5)
    context = StageContext(tmp_path, seed=1)
    plain = training_batches(sets[0], options, context)
    draw = with_target(plain, sets[1], options, context)
    backwards = {step: draw(step) for step in reversed(range(4))}
    for step in range(4):
        batch = draw(step)
        assert torch.equal(batch["images"], plain(step)["images"])
        assert set(batch) == set(backwards[step])
        assert ("target" in batch) == (step >= 2)
        assert all(torch.equal(value, backwards[step][name]) for name, value in batch.items())


def test_the_target_images_are_all_seen_once_in_each_epoch(tmp_path, sets):
    options = DeepLabV3Options(**{**TINY, "flip": False, "batch_size": 5})
    draw = with_target(
        training_batches(sets[0], options, StageContext(tmp_path)), sets[1], options, StageContext(tmp_path)
    )
    stored = sets[1].image_batch(range(5))
    seen = [[int((stored == image).flatten(1).all(1).nonzero()) for image in draw(step)["target"]] for step in range(2)]
    assert [sorted(epoch) for epoch in seen] == [list(range(5))] * 2
    assert seen[0] != seen[1]


@pytest.mark.parametrize(("size", "scores"), [((64, 128), (2, 4)), ((33, 65), (1, 2)), ((5, 7), (1, 1))])
def test_a_score_map_of_any_size_is_judged(size, scores):
    discriminator_loss = ScoreDiscriminator(3, 4, torch.Generator().manual_seed(0))
    assert discriminator_loss(torch.rand(2, 3, *size)).shape == (2, 1, *scores)


def test_a_score_sees_94_pixels():
    discriminator_loss = ScoreDiscriminator(3, 4, torch.Generator().manual_seed(0))
    maps = torch.rand(1, 3, 256, 256, requires_grad=True)
    discriminator_loss(maps)[0, 0, 4, 4].backward()
    seen = maps.grad.abs().sum((0, 1)).nonzero()
    assert (seen.amax(0) - seen.amin(0) + 1).tolist() == [94, 94]
