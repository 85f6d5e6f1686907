"""Certainty of predictions, which needs no labels."""

import numpy as np
import pytest
import torch

from benchmark.api.imageset import ImageSet
from benchmark.api.stage_context import StageContext
from benchmark.stages.prediction import mean_entropy
from benchmark.testing.domains import make_domains


class Certain:
    """Gives all pixels the same scores."""

    def __init__(self, scores):
        self.scores = torch.tensor(scores)

    def logits(self, images):
        return self.scores.view(1, -1, 1, 1).expand(len(images), -1, *images.shape[2:])


@pytest.mark.parametrize(
    ("scores", "entropy"),
    [([0.0, 0.0, 0.0], 1.0), ([100.0, 0.0, 0.0], 0.0), ([np.log(2.0), 0.0, 0.0], 1.5 * np.log(2) / np.log(3))],
)
def test_entropy_is_a_share_of_that_of_equal_probabilities(tmp_path, scores, entropy):
    images: ImageSet = make_domains((), (8, 16), count=3).source
    context = StageContext(tmp_path)
    classes = len(images.classes)
    padded = scores + [-1e4] * (classes - len(scores))
    found = mean_entropy(Certain(padded), images, context)
    assert found == pytest.approx(entropy * np.log(3) / np.log(classes), abs=1e-6)
