"""The weights of the best evaluation are kept, and there are always some."""

import math

import pytest
import torch
from torch import nn

from bench_mmseg.deeplabv3 import DeepLabV3
from bench_mmseg.options import DeepLabV3Options
from bench_mmseg.validation import BestWeights, miou_on
from benchmark import IGNORE, DataError
from benchmark.api.stage_context import StageContext

TINY = {"backbone": "resnetv1c-18", "width": 8, "aspp_channels": 16, "dilations": (1, 2), "images_seen": 8}


def evaluate(scores, every=1):
    """Train a single weight that equals the step, evaluated as given; returns it with what was kept."""
    model, steps = nn.Linear(1, 1), every * len(scores)
    given = iter(scores)
    best = BestWeights(model, lambda: next(given), every, steps)
    for step in range(1, steps + 1):
        nn.init.constant_(model.weight, step)
        best.after_step(step)
    best.restore()
    return model.weight.item(), best


@pytest.mark.parametrize(
    ("scores", "kept"), [([0.2, 0.9, 0.5], 2), ([0.0], 1), ([math.nan, 0.1, math.nan], 2), ([0.3, math.nan], 1)]
)
def test_the_weights_of_the_highest_score_are_kept(scores, kept):
    weight, best = evaluate(scores)
    assert (weight, best.step, best.score) == (kept, kept, scores[kept - 1])


def test_where_no_score_is_a_number_there_are_weights_all_the_same():
    weight, best = evaluate([math.nan, math.nan])
    assert weight == best.step == 2
    assert math.isnan(best.score)


def test_the_last_step_is_evaluated_in_any_case():
    evaluated = []

    def score():
        evaluated.append(step)
        return 0.5

    best = BestWeights(nn.Linear(1, 1), score, every=3, steps=4)
    for step in range(1, 5):
        best.after_step(step)
    assert evaluated == [3, 4]


def test_a_validation_set_without_a_labelled_pixel_is_refused_before_the_training(tmp_path, make_set):
    data, blank = make_set(4), make_set(3)
    blank.labels[:] = IGNORE
    assert math.isnan(miou_on(lambda images: torch.zeros(len(images), 32, 48, dtype=torch.uint8), blank, 2))
    segmenter = DeepLabV3(DeepLabV3Options(**TINY))
    with pytest.raises(DataError, match="validation set: expected labelled pixels"):
        segmenter.fit(data, data.without_labels(), blank, StageContext(tmp_path))
    assert not (tmp_path / "scalars.jsonl").exists()
