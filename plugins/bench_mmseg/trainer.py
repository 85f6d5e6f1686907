"""What all segmenters of this package share: training, prediction, saving and loading."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.optim import Optimizer

from bench_engine import schedules
from bench_engine.adversarial import frozen
from bench_engine.averaging import WeightAverage
from bench_engine.model import Callback, TrainableModel
from bench_engine.optimizers import Parameters, adamw, sgd
from bench_engine.precision import autocast, channels_last
from bench_engine.randomness import seed_everything
from bench_engine.training import train
from bench_engine.weights import load_weights, save_weights
from bench_mmseg.alignment import AlignedModel
from bench_mmseg.batches import training_batches, with_target
from bench_mmseg.class_weights import enet_weights, label_counts, median_frequency_weights
from bench_mmseg.compat import load_mmseg
from bench_mmseg.model import SegmentationModel
from bench_mmseg.normalisation import check_batch, estimate_statistics
from bench_mmseg.options import SegmenterOptions
from bench_mmseg.validation import BestWeights, check_labelled, miou_on
from benchmark import DataError, ImageSet, Precision, Segmenter, StageContext, UsageError

# It takes more than a second; here, whoever imports a segmenter once for many processes pays it once.
load_mmseg()

META = "segmenter.json"
SHOWN = 4


class NetworkSegmenter(Segmenter):
    """A segmenter made of one network; a subclass says how the network is built."""

    Options: ClassVar[type[SegmenterOptions]] = SegmenterOptions
    options: SegmenterOptions

    def __init__(self, options: SegmenterOptions) -> None:
        super().__init__(options)
        self._device = "cpu"
        self._precision: Precision = "fp32"
        self._classes: tuple[str, ...] = ()
        self._model: SegmentationModel | None = None

    @abstractmethod
    def build(self, classes: int, class_weights: Tensor | None, *, pretrained: bool) -> SegmentationModel:
        """A model for a number of classes; with published weights where the options ask for them, if `pretrained`."""

    def optimizer(self, model: SegmentationModel) -> Optimizer:
        """The optimizer that the options name."""
        rule = sgd if self.options.optimizer == "sgd" else adamw
        return rule(self.parameter_groups(model), self.options.lr, self.options.weight_decay)

    @property
    def coarsest(self) -> int | None:
        """Image size over size of the coarsest features that batch norm normalises; None where it does not matter."""
        return None

    def parameter_groups(self, model: SegmentationModel) -> Parameters:
        """What the optimizer trains; groups where some parameters have a rate or a decay of their own."""
        return model.parameters()

    def fit(self, train: ImageSet, target: ImageSet | None, validation: ImageSet | None, context: StageContext) -> None:
        """Learn from the labelled images; the target is needed by the alignment alone, if that is switched on.

        Raises:
            UsageError: Steps of a single image whose coarsest features are a single pixel.
        """
        if self.coarsest is not None:
            check_batch(self.options.batch_size, self.options.crop or train.size, self.coarsest)
        self._device, self._precision, self._classes = context.device, context.precision, train.classes.names
        seed_everything(context, "segmenter:weights")
        weights = class_weights(train, self.options.loss)
        self._model = channels_last(self.build(len(train.classes), weights, pretrained=True))
        self._train(self._model, train, target, validation, context)

    def predict(self, images: Tensor) -> Tensor:
        """Train ids, uint8, shape (N, H, W), for float32 RGB images in [0, 1], shape (N, 3, H, W), of any size."""
        model = self._trained().eval()
        with torch.no_grad(), autocast(self._device, self._precision):
            logits: Tensor = model(images.to(self._device))
            return logits.argmax(1).to(torch.uint8)

    def logits(self, images: Tensor) -> Tensor:
        """What `predict` takes the largest of, for losses on images under this network.

        Args:
            images: float32 RGB in [0, 1], shape (N, 3, H, W), of any size.

        Returns:
            float32, shape (N, K, H, W) for K classes, with gradient to the images and none to the weights.
        """
        model = self._trained().eval()
        with frozen(model), autocast(self._device, self._precision):
            logits: Tensor = model(images.to(self._device))
            return logits.float()

    def adapt_statistics(self, target: ImageSet, context: StageContext) -> None:
        """Replace the statistics of batch norm by those of the target images, as `normalisation` has it.

        Args:
            target: Target training images.
            context: Device, progress.

        Raises:
            Unavailable: The network has no batch norm.
            DataError: Fewer than two images.
        """
        self.to(context.device)
        model = self._trained()

        def forward(images: Tensor) -> None:
            with autocast(self._device, self._precision):
                model(images.to(self._device))

        estimate_statistics(model, forward, target, self.options.batch_size, context)

    def save(self, folder: Path) -> None:
        """Write weights, options and class names."""
        save_weights(self._trained().network, folder)
        meta = {
            "classes": list(self._classes),
            "precision": self._precision,
            "options": self.options.model_dump(mode="json"),
        }
        (folder / META).write_text(json.dumps(meta, indent=1))

    def load(self, folder: Path) -> None:
        """Take up weights, options and class names."""
        meta = json.loads((folder / META).read_text())
        self.options = self.Options(**meta["options"])
        self._classes, self._precision = tuple(meta["classes"]), meta["precision"]
        self._model = channels_last(self.build(len(self._classes), None, pretrained=False))
        load_weights(self._model.network, folder)
        self.to(self._device)

    def to(self, device: str) -> None:
        """Move the network to a torch device."""
        self._device = device
        self._trained().to(device)

    def _trained(self) -> SegmentationModel:
        if self._model is None:
            raise DataError("this segmenter has neither been fitted nor loaded")
        return self._model

    def _train(
        self,
        model: SegmentationModel,
        data: ImageSet,
        target: ImageSet | None,
        validation: ImageSet | None,
        context: StageContext,
    ) -> None:
        options = self.options
        trained: TrainableModel = model
        optimizers = {"segmenter": self.optimizer(model)}
        batches = training_batches(data, options, context)
        if options.lambda_alignment > 0:
            trained = aligned = AlignedModel(model, len(data.classes), options, context)
            optimizers |= aligned.optimizers()
            if target is None:
                raise UsageError("lambda_alignment: the alignment needs target images, but there are none")
            batches = with_target(batches, target, options, context)
        callbacks: list[Callback] = []
        if options.average > 0:
            average = WeightAverage(model, options.average, context.device)
            callbacks.append(average)
            self._model = average.averaged
        best = None if validation is None else self._best_weights(self._trained(), validation)
        if best:
            callbacks.append(best)  # after the average, which it evaluates
        train(
            trained,
            batches,
            optimizers,
            rate_factor(options),
            options.steps,
            options.batch_size,
            context,
            options,
            samples=lambda: prediction_grid(self.predict, data),
            callbacks=callbacks,
            clip_norm=options.clip_norm,
        )
        if best:
            best.restore()
            context.report(chosen_step=best.step, validation_miou=best.score)

    def _best_weights(self, model: SegmentationModel, validation: ImageSet) -> BestWeights:
        check_labelled(validation)
        options = self.options

        def score() -> float:
            return miou_on(self.predict, validation, options.batch_size)

        return BestWeights(model, score, options.validate_every, options.steps)


def rate_factor(options: SegmenterOptions) -> schedules.Factor:
    """The learning-rate schedule that the options name."""
    factor = schedules.poly(options.power) if options.schedule == "poly" else schedules.cosine()
    return schedules.warmed_up(schedules.ending_at(factor, options.end_factor), options.warm_up)


def class_weights(data: ImageSet, loss: str) -> Tensor | None:
    """Weights of the classes from the labels of a set, or None for plain cross-entropy."""
    if loss == "ce":
        return None
    labels = (data.label_batch([index]) for index in range(len(data)))
    pixels, shown = label_counts(labels, len(data.classes))
    weights = enet_weights(pixels) if loss == "enet" else median_frequency_weights(pixels, shown)
    return weights.float()


def prediction_grid(predict: Callable[[Tensor], Tensor], data: ImageSet) -> Tensor:
    """Rows of image, label and prediction in the class palette, RGB in [0, 1], shape (3, rows x H, 3 x W)."""
    indices = range(min(SHOWN, len(data)))
    images = data.image_batch(indices)
    palette = torch.zeros(256, 3)
    palette[: len(data.classes)] = torch.tensor(data.classes.palette) / 255
    painted = [palette[ids.long().cpu()].permute(0, 3, 1, 2) for ids in (data.label_batch(indices), predict(images))]
    rows: Any = torch.cat([images, *painted], dim=3)
    return torch.cat(list(rows), dim=1)
