"""Choosing a checkpoint: the weights of the best evaluation on a validation set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from bench_metrics.segmentation import confusion_matrix, mean_iou
from benchmark import ImageSet

Predict = Callable[[Tensor], Tensor]


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


class BestWeightsHook(Hook):
    """Evaluates now and then, keeps the best weights, and leaves them in the model at the end."""

    priority = "LOW"

    def __init__(self, score: Callable[[], float], every: int) -> None:
        self._score = score
        self._every = every
        self.step = 0
        self.best = -1.0
        self._weights: dict[str, Tensor] = {}

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Evaluate when it is due, and after the last step."""
        if not (self.every_n_train_iters(runner, self._every) or self.is_last_train_iter(runner)):
            return
        score = self._score()
        runner.model.train()
        if score > self.best:
            self.best, self.step = score, batch_idx + 1
            self._weights = {name: value.detach().cpu().clone() for name, value in runner.model.state_dict().items()}

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Keep the best so far, so that a resumed training knows it."""
        checkpoint["best"] = {"step": self.step, "score": self.best, "weights": self._weights}

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Take up the best so far."""
        best = checkpoint["best"]
        self.step, self.best, self._weights = best["step"], best["score"], best["weights"]

    def after_train(self, runner: Runner) -> None:
        """Give the model its best weights."""
        runner.model.load_state_dict(self._weights)
