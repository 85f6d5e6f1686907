"""Choosing a checkpoint: the weights of the best evaluation on a validation set."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from bench_metrics.segmentation import confusion_matrix, mean_iou
from benchmark import IGNORE, DataError, ImageSet

Predict = Callable[[Tensor], Tensor]


def check_labelled(data: ImageSet) -> None:
    """Raise `DataError` for a validation set without a labelled pixel, on which no score is a number."""
    if not any((data.label_batch([index]) != IGNORE).any() for index in range(len(data))):
        raise DataError(
            f"validation set: expected labelled pixels to choose a checkpoint by, but its {len(data)} images are "
            'ignored in all pixels; check its labels and classes, or train with checkpoint = "last"'
        )


def miou_on(predict: Predict, data: ImageSet, batch_size: int) -> float:
    """The mIoU of a leaderboard, of predictions on a labelled set.

    Args:
        predict: From images to train ids.
        data: Labelled images.
        batch_size: Images predicted at once.
    """
    classes = len(data.classes)
    confusion = torch.zeros(classes, classes, dtype=torch.long)
    for first in range(0, len(data), batch_size):
        indices = range(first, min(first + batch_size, len(data)))
        confusion += confusion_matrix(predict(data.image_batch(indices)), data.label_batch(indices), classes)
    return float(mean_iou(confusion))


class BestWeights:
    """Evaluates a model now and then during its training, and keeps its best weights.

    Args:
        model: Whose weights they are.
        score: Evaluates it; higher is better.
        every: Steps between evaluations.
        steps: Steps of the training; the last one is evaluated in any case.

    Attributes:
        step, score: Steps done and score when the kept weights were found.
    """

    def __init__(self, model: nn.Module, score: Callable[[], float], every: int, steps: int) -> None:
        self._model = model
        self._evaluate = score
        self._every = every
        self._steps = steps
        self._weights: dict[str, Tensor] = {}
        self.step = 0
        self.score = math.nan

    def after_step(self, step: int) -> None:
        """Evaluate when it is due."""
        if step != self._steps and step % self._every:
            return
        score = self._evaluate()
        self._model.train()
        if math.isnan(self.score) or score > self.score:  # the first is kept, whatever it is
            self.score, self.step = score, step
            self._weights = {name: value.detach().cpu().clone() for name, value in self._model.state_dict().items()}

    def restore(self) -> None:
        """Give the model the weights kept."""
        self._model.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        """The best so far."""
        return {"step": self.step, "score": self.score, "weights": self._weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up the best so far."""
        self.step, self.score, self._weights = state["step"], state["score"], state["weights"]
