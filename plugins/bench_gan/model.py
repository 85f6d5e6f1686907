"""One step of an adversarial training: who is updated when, on what, and what is logged of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from bench_engine.adversarial import (
    adversarial_loss,
    discriminator_loss,
    discriminator_scores,
    frozen,
    gradient_penalty,
)
from bench_engine.averaging import move_average, warmed_decay
from bench_engine.model import TrainableModel
from bench_engine.optimizers import GuardedOptimizer
from bench_gan.options import AdversarialOptions
from bench_gan.pool import ImagePool
from benchmark import StageContext

Batch = dict[str, Tensor]

SIDES = ("target", "source")
"""The two domains, and the names of networks that make or know their images."""
OTHER = {"target": "source", "source": "target"}


class WeightedLoss(NamedTuple):
    """A loss of the generators.

    Attributes:
        weight: Absolute; a term of weight 0 is better not computed at all.
        value: Scalar.
    """

    weight: float
    value: Tensor


class RealFakePair(NamedTuple):
    """What a discriminator is to tell apart.

    Attributes:
        real: Images of its domain, shape (N, C, H, W), or vectors.
        fake: Generated ones of the same shape.
        condition: What both are scored together with, joined along the channels, shape (N, C', H, W); None: nothing.
        pooled: Whether older generated images may stand in for the new ones.
    """

    real: Tensor
    fake: Tensor
    condition: Tensor | None = None
    pooled: bool = True


class AdversarialModel(TrainableModel):
    """Generators and discriminators, and one step of their training.

    A subclass says what its method consists of: what is generated (`generate`), what the generators minimise
    (`generator_losses`), and what the discriminators compare (`discriminator_inputs`). Order of updates, image pools,
    all measures against instability, and diagnostics are the same for every method and stand here.

    Args:
        generators: All that the generators' optimizer trains, encoders and the like included.
        discriminators: By name; `discriminator_inputs` and `adversarial` use these names.
        options: Of this training.
        context: Its seed decides on the image pools and on noise.
    """

    def __init__(
        self,
        generators: nn.ModuleDict,
        discriminators: nn.ModuleDict,
        options: AdversarialOptions,
        context: StageContext,
    ) -> None:
        super().__init__()
        self.options = options
        self.generators = generators
        self.discriminators = discriminators
        self.gan_loss = adversarial_loss(options.gan_loss, options.label_smoothing)
        self.pools = {name: ImagePool(options.pool, context.generator(f"pool of {name}")) for name in discriminators}
        self.averaged: nn.ModuleDict | None = None
        self._steps = 0
        self._noise = context.generator("instance noise")
        self._last: Batch = {}

    def forward(self, images: Tensor) -> Tensor:
        """Source images in the look of the target, both in [-1, 1], shape (N, 3, H, W)."""
        translated: Tensor = self.generators["target"](images)
        return translated

    @abstractmethod
    def generate(self, data: Batch) -> Batch:
        """What both sides of a step use, made once, before any update.

        Args:
            data: Images `source` and `target` in [-1, 1], shape (N, 3, H, W), or what `batches` of the translator
                gives.
        """

    @abstractmethod
    def generator_losses(self, data: Batch, generated: Batch) -> dict[str, WeightedLoss]:
        """The losses whose weighted sum the generators minimise, by the name under which they are logged."""

    @abstractmethod
    def discriminator_inputs(self, data: Batch, generated: Batch) -> dict[str, RealFakePair]:
        """What each discriminator is to tell apart, by its name."""

    def after_generator_step(self) -> None:
        """Called after each update of the generators, for methods that bound some of their parameters."""

    def adversarial(self, name: str, fake: Tensor, condition: Tensor | None = None) -> WeightedLoss:
        """The generators' loss against one discriminator; see `RealFakePair`."""
        scores = discriminator_scores(self.discriminators[name], self._noisy(_joined(fake, condition)))
        value = torch.stack([self.gan_loss.generator(score) for score in scores]).sum()
        return WeightedLoss(self.options.lambda_adversarial, value)

    def train_step(self, data: Batch, optimizers: Mapping[str, GuardedOptimizer]) -> Batch:
        """Update both sides on one batch, the generators only in every `discriminator_steps`-th step.

        In either order both use the same generated images, made once, before any update.

        Args:
            data: As in `generate`.
            optimizers: `generators` and `discriminators`.

        Returns:
            Scalars to log, without gradient; where the generators rest, those of their last update.
        """
        generators_turn = (self._steps + 1) % self.options.discriminator_steps == 0
        with optimizers["generators"].autocast(), torch.set_grad_enabled(generators_turn):
            generated = self.generate(data)
        if generators_turn and self.options.order == "generator-first":
            self._update_generators(data, generated, optimizers["generators"])
        self._update_discriminators(data, generated, optimizers["discriminators"])
        if generators_turn and self.options.order == "discriminator-first":
            self._update_generators(data, generated, optimizers["generators"])
        self._steps += 1
        return dict(self._last)

    def start_averaging(self) -> None:
        """Begin the average of the generators' weights, where the options ask for one; call it on initial weights."""
        if self.options.ema:
            self.averaged = deepcopy(self.generators).requires_grad_(False)

    def training_state(self) -> dict[str, Any]:
        """What an exact resume needs beside parameters: pools, noise, steps made, and what was logged of the last."""
        pools = {name: pool.state() for name, pool in self.pools.items()}
        return {"pools": pools, "noise": self._noise.get_state(), "steps": self._steps, "last": self._last}

    def load_training_state(self, state: dict[str, Any]) -> None:
        """Take up what `training_state` gave."""
        for name, pool in self.pools.items():
            pool.load_state(state["pools"][name])
        self._noise.set_state(state["noise"])
        self._steps = state["steps"]
        device = next(self.parameters()).device
        self._last = {name: value.to(device) for name, value in state["last"].items()}

    def _update_generators(self, data: Batch, generated: Batch, optimizer: GuardedOptimizer) -> None:
        with optimizer.autocast(), frozen(self.discriminators):
            terms = self.generator_losses(data, generated)
            loss = torch.stack([term.weight * term.value for term in terms.values()]).sum()
        optimizer.update(loss)
        self.after_generator_step()
        self._average()
        self._note({name: term.value for name, term in terms.items()})
        self._note({"gradient_norm_generators": optimizer.gradient_norm})

    def _update_discriminators(self, data: Batch, generated: Batch, optimizer: GuardedOptimizer) -> None:
        losses, accuracies, penalties = {}, {}, {}
        with optimizer.autocast():
            for name, pair in self.discriminator_inputs(data, generated).items():
                real, fake = self._discriminator_pair(name, pair)
                losses[name], accuracies[name] = discriminator_loss(
                    self.discriminators[name], real, fake, self.gan_loss
                )
                if self.options.lambda_gradient_penalty:
                    penalties[name] = gradient_penalty(self.discriminators[name], real)
            loss = self.options.lambda_discriminator * torch.stack(list(losses.values())).sum()
            if penalties:
                loss = loss + self.options.lambda_gradient_penalty * torch.stack(list(penalties.values())).sum()
        optimizer.update(loss)
        for group, values in {"discriminator": losses, "accuracy": accuracies, "penalty": penalties}.items():
            self._note({f"{group}_{name}": value for name, value in values.items()})
        self._note({"gradient_norm_discriminators": optimizer.gradient_norm})

    def _discriminator_pair(self, name: str, pair: RealFakePair) -> tuple[Tensor, Tensor]:
        """What a discriminator sees as real and as generated."""
        fake = _joined(pair.fake, pair.condition)
        if pair.pooled:
            fake = self.pools[name].exchange(fake)
        return self._noisy(_joined(pair.real, pair.condition)), self._noisy(fake)

    def _noisy(self, images: Tensor) -> Tensor:
        """Images under noise, less of it at each step (Sonderby et al. 2017, arXiv:1610.04490, section 3.2)."""
        deviation = self.options.instance_noise * max(0.0, 1 - self._steps / self.options.steps)
        if deviation == 0:
            return images
        return images + deviation * torch.randn(images.shape, generator=self._noise).to(images)

    def _average(self) -> None:
        """Move the average towards the weights, faster at first, when the average is of little worth."""
        if self.averaged is None:
            return
        updates = self._steps // self.options.discriminator_steps
        decay = warmed_decay(self.options.ema, updates)
        move_average(self.averaged.parameters(), self.generators.parameters(), decay)
        # vectors of spectral norms, which an average would shorten
        for kept, buffer in zip(self.averaged.buffers(), self.generators.buffers(), strict=True):
            kept.copy_(buffer)

    def _note(self, values: Mapping[str, Tensor]) -> None:
        self._last |= {name: value.detach() for name, value in values.items()}


def _joined(images: Tensor, condition: Tensor | None) -> Tensor:
    return images if condition is None else torch.cat([condition.to(images.dtype), images], dim=1)
