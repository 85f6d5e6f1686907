"""CycleGAN as the harness sees it: fit, translate both ways, save, load."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from torch import Tensor
from torch.optim import Optimizer

from bench_cyclegan.model import CycleGANModel, make_generators
from bench_cyclegan.options import CycleGANOptions
from bench_engine.optimizers import adam
from bench_engine.precision import channels_last
from bench_engine.schedules import by_step, cosine, linear
from bench_engine.training import train
from bench_engine.weights import load_weights, save_weights
from bench_gan.batches import UnpairedBatches
from bench_gan.images import mosaic, run_generator
from bench_gan.networks import count_parameters
from benchmark import PluginOptions, Run, Translator, UsageError
from benchmark.imageset import ImageSet

SCHEDULES = {"linear": linear, "cosine": cosine}


class CycleGAN(Translator):
    """Two generators, each the way back of the other, against a patch discriminator in each domain.

    Source: Zhu et al. 2017, arXiv:1703.10593. Two departures: a step may hold more than one image, and the
    schedule counts steps instead of epochs.
    """

    Options: ClassVar[type[PluginOptions]] = CycleGANOptions
    options: CycleGANOptions

    def __init__(self, options: CycleGANOptions) -> None:
        super().__init__(options)
        self.generators = channels_last(make_generators(options))

    def fit(self, source: ImageSet, target: ImageSet, run: Run) -> None:
        """Train both directions; `UsageError` when the images are too small for the discriminators or the crop."""
        options = self.options
        model = channels_last(CycleGANModel(self.generators, options, run))
        self._check_size(model, source, target)
        run.report(
            generator_parameters=count_parameters(self.generators["target"]),
            discriminator_parameters=count_parameters(model.discriminators["target"]),
        )
        train(
            model,
            UnpairedBatches(source, target, run, options.batch_size, options.crop, options.flip),
            self._optimizers(model),
            by_step(SCHEDULES[options.schedule](options.constant_share), options.steps),
            options.steps,
            options.batch_size,
            run,
            options,
            samples=self._samples(source, target, run),
        )

    def translate(self, images: Tensor, variant: int = 0) -> Tensor:
        """Source images in the look of the target."""
        return run_generator(self.generators["target"], images)

    def inverse(self, images: Tensor) -> Tensor:
        """Target images in the look of the source."""
        return run_generator(self.generators["source"], images)

    def save(self, folder: Path) -> None:
        """Write both generators; the discriminators have done their work."""
        save_weights(self.generators, folder)

    def load(self, folder: Path) -> None:
        """Take up both generators."""
        load_weights(self.generators, folder)

    def to(self, device: str) -> None:
        """Move both generators."""
        self.generators.to(device)

    def _optimizers(self, model: CycleGANModel) -> dict[str, Optimizer]:
        lr = self.options.lr
        return {
            "generators": adam(model.generators.parameters(), lr, self.options.betas),
            "discriminators": adam(
                model.discriminators.parameters(), self.options.lr_discriminator or lr, self.options.betas
            ),
        }

    def _check_size(self, model: CycleGANModel, source: ImageSet, target: ImageSet) -> None:
        crop = self.options.crop
        least = model.discriminators["target"].smallest_image()
        for images in (source, target):
            if crop is not None and (crop[0] > images.size[0] or crop[1] > images.size[1]):
                raise UsageError(
                    f"crop: expected at most the size of the images, {images.size[0]} x {images.size[1]} pixels, "
                    f"but it is {crop[0]} x {crop[1]}; make it smaller, or the images larger"
                )
            height, width = crop or images.size
            if min(height, width) < least:
                raise UsageError(
                    f"discriminator_layers: {self.options.discriminator_layers} layers need images of at least "
                    f"{least} x {least} pixels, but these are {height} x {width}; use fewer layers or larger images"
                )

    def _samples(self, source: ImageSet, target: ImageSet, run: Run) -> Callable[[], Tensor]:
        """Pictures of the same few images at each call: source, translated, cycled; target, inverse, cycled."""
        count = min(self.options.probes, len(source), len(target))
        first, second = (images.image_batch(range(count)).to(run.device) for images in (source, target))

        def draw() -> Tensor:
            there, back = self.translate(first), self.inverse(second)
            rows = [first, there, self.inverse(there), second, back, self.translate(back)]
            return mosaic(rows)

        return draw
