"""Semantic consistency against its definition, and what it does to a step of CycleGAN."""

import pytest
import torch
import torch.nn.functional as F

from bench_cycada.model import confident_classes, semantic_loss
from bench_cycada.options import CyCADAOptions
from bench_cycada.translator import CyCADA
from bench_cyclegan.options import CycleGANOptions
from bench_cyclegan.translator import CycleGAN
from bench_engine.optimizers import wrap
from bench_gan.model import SIDES
from bench_gan.translator import optimizers
from benchmark import IGNORE, StageContext, UsageError

TINY = {
    "images_seen": 8,
    "filters": 4,
    "blocks": 1,
    "downsamplings": 1,
    "discriminator_filters": 4,
    "discriminator_layers": 1,
}


class Colours:
    """Reads red, green and blue pixels as classes 0, 1 and 2."""

    def logits(self, images):
        return images * 6


COLOURS = Colours()


@pytest.fixture
def build(tmp_path):
    """A model and its wrappers."""

    def make(translator=None, segmenter=COLOURS, **changes):
        translator = translator or CyCADA(CyCADAOptions(**{**TINY, **changes}))
        context = StageContext(folder=tmp_path, seed=0)
        context.source_segmenter = segmenter
        model = translator.make_model(context)
        return model, wrap(optimizers(model, translator.options), context)

    return make


def batch():
    draw = torch.Generator().manual_seed(1)
    images = {side: torch.rand(2, 3, 12, 16, generator=draw) * 2 - 1 for side in SIDES}
    return images | {"labels": torch.randint(0, 3, (2, 12, 16), generator=draw).to(torch.uint8)}


def test_only_sure_pixels_have_a_class():
    probabilities = torch.tensor([[0.95, 0.05], [0.2, 0.8], [0.5, 0.5]])
    logits = probabilities.log().T.view(1, 2, 1, 3)
    assert confident_classes(logits, 0.9).tolist() == [[[0, IGNORE, IGNORE]]]
    assert confident_classes(logits, 0.7).tolist() == [[[0, 1, IGNORE]]]
    assert confident_classes(logits, 0.0)[0, 0, :2].tolist() == [0, 1]


def test_the_semantic_loss_is_cross_entropy_over_sure_pixels():
    logits = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    classes = torch.randint(0, 3, (2, 4, 5), generator=torch.Generator().manual_seed(1))
    classes[0, :2] = IGNORE
    torch.testing.assert_close(semantic_loss(logits, classes), F.cross_entropy(logits, classes, ignore_index=IGNORE))


def test_where_no_pixel_is_sure_the_semantic_loss_is_zero():
    logits = torch.randn(1, 3, 4, 5, requires_grad=True)
    loss = semantic_loss(logits, torch.full((1, 4, 5), IGNORE))
    loss.backward()
    assert float(loss) == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_both_directions_are_read_like_their_originals(build):
    model, wrapper = build(confidence=0.3)
    data = batch()
    with torch.no_grad():
        generated = model.generate(data)
        expected = {}
        for side, other in (("target", "source"), ("source", "target")):
            logits = (generated[f"fake_{side}"] + 1) / 2 * 6
            classes = confident_classes((data[other] + 1) / 2 * 6, 0.3)
            expected[f"semantic_{side}"] = F.cross_entropy(logits, classes, ignore_index=IGNORE)
    logged = model.train_step(data, wrapper)
    for name, value in expected.items():
        torch.testing.assert_close(logged[name], value)


def test_labels_take_the_place_of_readings_on_the_source_side_alone(build):
    model, _ = build(source_classes="label")
    data = batch()
    assert torch.equal(model.classes_of("source", data), data["labels"].long())
    assert not torch.equal(model.classes_of("target", data), data["labels"].long())


def test_without_weight_it_is_cyclegan(build):
    plain, first = build(CycleGAN(CycleGANOptions(**TINY)))
    model, second = build(lambda_semantic=0.0)
    data = batch()
    assert {k: float(v) for k, v in plain.train_step(data, first).items()} == {
        k: float(v) for k, v in model.train_step(data, second).items()
    }


def test_the_semantic_loss_reaches_the_generators(build):
    plain, first = build(lambda_semantic=0.0)
    model, second = build(confidence=0.0, lambda_semantic=10.0)
    for one, wrapper in ((plain, first), (model, second)):
        one.train_step(batch(), wrapper)
    pairs = zip(plain.generators.parameters(), model.generators.parameters(), strict=True)
    assert any(not torch.equal(one, other) for one, other in pairs)


def test_consistency_holds_colours_that_adversarial_training_would_change(build):
    """Red and blue change places between the domains; who must be read alike keeps them."""
    torch.manual_seed(0)
    kept = {}
    for weight in (0.0, 20.0):
        model, wrapper = build(lambda_semantic=weight, lambda_cycle=1.0, confidence=0.0, images_seen=120, lr=5e-3)
        red = torch.full((1, 3, 12, 16), -0.8)
        red[:, 0] = 0.8
        data = {"source": red, "target": red.flip(1)}
        for _ in range(60):
            model.train_step(data, wrapper)
        with torch.no_grad():
            kept[weight] = float((model(red).argmax(1) == 0).float().mean())
    assert kept[20.0] > 0.95
    assert kept[0.0] < 0.5


@pytest.mark.parametrize("segmenter", [None, object()])
def test_an_auxiliary_segmenter_without_gradients_is_refused(build, segmenter):
    with pytest.raises(UsageError, match="expected a segmenter with a method `logits`"):
        build(segmenter=segmenter)


def test_everything_else_is_cyclegans():
    own = {"lambda_semantic": 1.0, "confidence": 0.9, "source_classes": "reading"}
    assert dict(CyCADAOptions()) == dict(CycleGANOptions()) | own
