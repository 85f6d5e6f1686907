"""The global random generators: seeded from a run, and kept for an exact resume."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch

from benchmark import StageContext


def seed_everything(context: StageContext, purpose: str) -> None:
    """Seed the global generators, as before building a model, whose layers draw their weights from them."""
    seed = context.generator(purpose).initial_seed() % 2**32
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def random_state() -> dict[str, Any]:
    """The states of all global random generators, as tensors and plain values."""
    numpy_state: Any = np.random.get_state()  # a tuple here; numpy's annotations allow a dict too
    kind, keys, position, has_gauss, gauss = numpy_state
    return {
        "python": random.getstate(),
        "numpy": [kind, torch.from_numpy(keys.astype(np.int64)), position, has_gauss, gauss],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Set all global random generators to what `random_state` gave."""
    random.setstate(state["python"])
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(state["torch"])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])
