"""The authors' code of CycleGAN and CUT, from a checkout of theirs, to be timed beside ours."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

REFERENCES = {"reference cyclegan": "cycle_gan", "reference cut": "cut"}
"""The authors' names of their models, by ours."""


def reference_step(
    checkout: Path, name: str, size: tuple[int, int], batch: int, device: str, *, smoke: bool
) -> tuple[Callable[[], object], int]:
    """A step of the authors' training, in their precision, on a batch that stays the same, and generator parameters.

    Args:
        checkout: Of taesungp/contrastive-unpaired-translation, which has both models.
        name: One of `REFERENCES`.
        size: Height and width of the images.
        batch: Images of each domain in a step.
        device: "cuda" or "cpu".
        smoke: Small networks.
    """
    if str(checkout) not in sys.path:
        sys.path.insert(0, str(checkout))
    options = _options(REFERENCES[name], batch, device, smoke=smoke)
    model: Any = importlib.import_module("models").create_model(options)
    images = torch.rand(2, batch, 3, *size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    data = {"A": images[0], "B": images[1], "A_paths": [], "B_paths": []}
    if name == "reference cut":  # its heads are made when it sees its first features
        model.data_dependent_initialize(data)

    def step() -> None:
        model.set_input(data)
        model.optimize_parameters()

    names = ("netG", "netG_A", "netG_B", "netF")
    networks = [getattr(model, name) for name in names if hasattr(model, name)]
    return step, sum(weight.numel() for network in networks for weight in network.parameters())


def _options(model: str, batch: int, device: str, *, smoke: bool) -> Any:
    """What the authors' command line comes to."""
    line = f"--model {model} --batch_size {batch} --gpu_ids {0 if device == 'cuda' else -1}"
    if model == "cycle_gan":
        # the networks and losses of the paper, as here by default; CUT's code has others by default
        line += " --lambda_identity 0 --no_antialias --no_antialias_up"
    if smoke:
        line += " --ngf 4 --ndf 4 --n_layers_D 1 --netD n_layers"
    train_options: Any = importlib.import_module("options.train_options")
    with patch.object(sys, "argv", ["train.py", *line.split()]):  # their CUT looks there, whatever it is given
        options = train_options.TrainOptions().gather_options()
    options.isTrain = True
    options.gpu_ids = [0] if device == "cuda" else []
    options.amp = False  # asked for by their CycleGAN, which their options do not have
    return options
