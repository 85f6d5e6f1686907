"""What all adversarial translators do alike at the door of the harness: fit, translate, save, load, show samples."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from torch import Tensor, nn
from torch.optim import Optimizer

from bench_engine.model import Batches
from bench_engine.optimizers import adam
from bench_engine.precision import channels_last
from bench_engine.schedules import cosine, linear
from bench_engine.training import train
from bench_engine.weights import load_weights, save_weights
from bench_gan.batches import UnpairedBatches
from bench_gan.images import image_grid, run_generator
from bench_gan.model import AdversarialModel
from bench_gan.networks import count_parameters
from bench_gan.options import AdversarialOptions
from benchmark import ImageSet, Invertible, PluginOptions, StageContext, Translator, UsageError

SCHEDULES = {"linear": linear, "cosine": cosine}


class AdversarialTranslator(Translator):
    """A translator that is trained by `bench_gan.model.AdversarialModel`.

    A subclass makes its networks and its model. Among the generators, `target` is the one that translates source
    images; among the discriminators, `target` is the one that knows target images.

    Attributes:
        generators: What is saved and loaded.
    """

    Options: ClassVar[type[PluginOptions]] = AdversarialOptions
    options: AdversarialOptions

    def __init__(self, options: AdversarialOptions) -> None:
        super().__init__(options)
        self.generators = channels_last(self.make_generators())

    @property
    def clip_norm(self) -> float | None:
        """Largest norm of all gradients of a side; None: any."""
        return None

    @abstractmethod
    def make_generators(self) -> nn.ModuleDict:
        """The networks that the generators' optimizer trains, `target` among them."""

    @abstractmethod
    def make_model(self, context: StageContext) -> AdversarialModel:
        """The model that trains `self.generators`, all weights drawn from `context`."""

    def batches(self, source: ImageSet, target: ImageSet, context: StageContext) -> Batches:
        """The batch of each step."""
        options = self.options
        return UnpairedBatches(source, target, context, options.batch_size, options.crop, options.flip, options.enlarge)

    def sample_rows(self, source: Tensor, target: Tensor) -> list[Tensor]:
        """Rows of the sample pictures, which show the same images at each call.

        Args:
            source, target: Images in [0, 1], shape (N, 3, H, W), N the same.

        Returns:
            By default source, translated and, for a translator that knows the way back, source again; target, its
            inverse, target again.
        """
        there = self.translate(source)
        if not isinstance(self, Invertible):
            return [source, there, target]
        back = self.inverse(target)
        return [source, there, self.inverse(there), target, back, self.translate(back)]

    def fit(self, source: ImageSet, target: ImageSet, context: StageContext) -> None:
        """Train; `UsageError` when the images are too small for the discriminators or the crop."""
        options = self.options
        model = channels_last(self.make_model(context))
        _check_fit(model, options, source, target)
        model.start_averaging()
        context.report(
            generator_parameters=count_parameters(self.generators["target"]),
            discriminator_parameters=count_parameters(model.discriminators["target"]),
        )
        train(
            model,
            self.batches(source, target, context),
            optimizers(model, options),
            SCHEDULES[options.schedule](options.constant_share),
            options.steps,
            options.batch_size,
            context,
            options,
            samples=self._samples(source, target, context),
            clip_norm=self.clip_norm,
        )
        if model.averaged is not None:
            self.generators.load_state_dict(model.averaged.state_dict())

    def translate(self, images: Tensor, variant: int = 0) -> Tensor:
        """Source images in the look of the target."""
        return run_generator(self.generators["target"], images)

    def save(self, folder: Path) -> None:
        """Write the generators; the discriminators have done their work."""
        save_weights(self.generators, folder)

    def load(self, folder: Path) -> None:
        """Take up the generators."""
        load_weights(self.generators, folder)

    def to(self, device: str) -> None:
        """Move the generators."""
        self.generators.to(device)

    def _samples(self, source: ImageSet, target: ImageSet, context: StageContext) -> Callable[[], Tensor]:
        count = min(self.options.probes, len(source), len(target))
        first, second = (images.image_batch(range(count)).to(context.device) for images in (source, target))
        return lambda: image_grid(self.sample_rows(first, second))


def optimizers(model: AdversarialModel, options: AdversarialOptions) -> dict[str, Optimizer]:
    """Adam for either side, as the options say."""
    rates = {"generators": options.lr, "discriminators": options.lr_discriminator or options.lr}
    return {
        side: adam(getattr(model, side).parameters(), rate, options.betas, options.weight_decay)
        for side, rate in rates.items()
    }


def _check_fit(model: AdversarialModel, options: AdversarialOptions, source: ImageSet, target: ImageSet) -> None:
    if options.discriminator_steps > options.steps:
        raise UsageError(
            f"discriminator_steps: expected at most the {options.steps} steps of this training, but it is "
            f"{options.discriminator_steps}, so that generators would never be updated; make it smaller"
        )
    crop = options.crop
    least = max(getattr(network, "smallest_image", lambda: 1)() for network in model.discriminators.values())
    for images in (source, target):
        if crop is not None and (crop[0] > images.size[0] or crop[1] > images.size[1]):
            raise UsageError(
                f"crop: expected at most the size of the images, {images.size[0]} x {images.size[1]} pixels, "
                f"but it is {crop[0]} x {crop[1]}; make it smaller, or the images larger"
            )
        height, width = crop or images.size
        if min(height, width) < least:
            raise UsageError(
                f"the discriminators need images of at least {least} x {least} pixels, but these are "
                f"{height} x {width}; use discriminators of fewer layers, or larger images"
            )
