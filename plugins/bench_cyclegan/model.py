"""The two generators and two discriminators of CycleGAN, and one step of their training."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapperDict
from torch import Tensor, nn

from bench_cyclegan.options import CycleGANOptions
from bench_gan.adversarial import frozen, judge
from bench_gan.losses import LSGAN, reconstruction_loss
from bench_gan.networks import PatchDiscriminator, ResnetGenerator, initialize
from bench_gan.pool import ImagePool
from benchmark import Run

SIDES = ("target", "source")
OTHER = {"target": "source", "source": "target"}

Batch = dict[str, Tensor]


def make_generators(options: CycleGANOptions) -> nn.ModuleDict:
    """Generators by the domain they make images of: `target` is the paper's G, `source` its F."""
    return nn.ModuleDict(
        {
            side: ResnetGenerator(
                options.filters, options.blocks, options.downsamplings, options.upsampling, options.norm_eps
            )
            for side in SIDES
        }
    )


def make_discriminators(options: CycleGANOptions) -> nn.ModuleDict:
    """Discriminators by the domain they know: `target` is the paper's D_Y, `source` its D_X."""
    return nn.ModuleDict(
        {
            side: PatchDiscriminator(options.discriminator_filters, options.discriminator_layers, options.norm_eps)
            for side in SIDES
        }
    )


class CycleGANModel(BaseModel):
    """CycleGAN as mmengine trains it.

    Args:
        generators: Of `make_generators`; their weights are drawn anew.
        options: Sizes, weights of losses, order of updates.
        run: Its seed decides on all weights and on the image pools.
    """

    def __init__(self, generators: nn.ModuleDict, options: CycleGANOptions, run: Run) -> None:
        super().__init__()
        self.options = options
        self.generators = generators
        self.discriminators = make_discriminators(options)
        self.pools = {side: ImagePool(options.pool, run.generator(f"pool of {side}")) for side in SIDES}
        initialize(self, run.generator("weights"))

    def forward(self, images: Tensor) -> Tensor:
        """Source images in the look of the target, both in [-1, 1], shape (N, 3, H, W)."""
        return self.generators["target"](images)

    def training_state(self) -> dict[str, Any]:
        """The image pools, which an exact resume needs."""
        return {side: pool.state() for side, pool in self.pools.items()}

    def load_training_state(self, state: dict[str, Any]) -> None:
        """Take up the image pools."""
        for side, pool in self.pools.items():
            pool.load_state(state[side])

    def train_step(self, data: Batch, optim_wrapper: OptimWrapperDict) -> Batch:
        """Update both sides on one batch.

        In either order both use the same generated images, made once, before any update.

        Args:
            data: Images `source` and `target` in [-1, 1], shape (N, 3, H, W).
            optim_wrapper: Wrappers `generators` and `discriminators`.

        Returns:
            Scalars to log, without gradient.
        """
        with optim_wrapper["generators"].optim_context(self):
            fakes, same = self._generate(data)
        if self.options.order == "generator-first":
            logged = self._update_generators(data, fakes, same, optim_wrapper)
            return logged | self._update_discriminators(data, fakes, optim_wrapper)
        logged = self._update_discriminators(data, fakes, optim_wrapper)
        return logged | self._update_generators(data, fakes, same, optim_wrapper)

    def _generate(self, data: Batch) -> tuple[Batch, Batch]:
        """Translations by the domain they shall look like, and what each domain becomes if given to its own generator.

        The latter are empty where the identity loss has no weight; else both come from one pass.
        """
        if self.options.lambda_identity == 0:
            return {side: self.generators[side](data[OTHER[side]]) for side in SIDES}, {}
        both = {side: self.generators[side](torch.cat([data[OTHER[side]], data[side]])).chunk(2) for side in SIDES}
        return {side: both[side][0] for side in SIDES}, {side: both[side][1] for side in SIDES}

    def _update_generators(self, data: Batch, fakes: Batch, same: Batch, optim_wrapper: OptimWrapperDict) -> Batch:
        wrapper = optim_wrapper["generators"]
        with wrapper.optim_context(self), frozen(self.discriminators):
            adversarial = {side: LSGAN.generator(self.discriminators[side](fakes[side])) for side in SIDES}
            cycled = {side: self.generators[side](fakes[OTHER[side]]) for side in SIDES}
            cycle = {side: reconstruction_loss(data[side], cycled[side]) for side in SIDES}
            identity = {side: reconstruction_loss(data[side], same[side]) for side in same}
            loss = (
                self.options.lambda_adversarial * sum(adversarial.values())
                + self.options.lambda_cycle * sum(cycle.values())
                + self.options.lambda_identity * sum(identity.values())
            )
            wrapper.update_params(loss)
        logged = _named(adversarial=adversarial, cycle=cycle, identity=identity)
        return logged | {"gradient_norm_generators": wrapper.gradient_norm}

    def _update_discriminators(self, data: Batch, fakes: Batch, optim_wrapper: OptimWrapperDict) -> Batch:
        wrapper = optim_wrapper["discriminators"]
        shown = {side: self.pools[side].exchange(fakes[side]) for side in SIDES}
        with wrapper.optim_context(self):
            verdicts = {side: judge(self.discriminators[side], data[side], shown[side], LSGAN) for side in SIDES}
            losses = {side: verdict.loss for side, verdict in verdicts.items()}
            wrapper.update_params(self.options.lambda_discriminator * sum(losses.values()))
        accuracy = {side: verdict.accuracy for side, verdict in verdicts.items()}
        logged = _named(discriminator=losses, accuracy=accuracy)
        return logged | {"gradient_norm_discriminators": wrapper.gradient_norm}


def _named(**groups: Batch) -> Batch:
    """Scalars by `<group>_<domain>`."""
    return {f"{group}_{side}": value.detach() for group, values in groups.items() for side, value in values.items()}
