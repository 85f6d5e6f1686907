"""Published weights that an mmsegmentation model names, read as tensors alone.

mmengine's own loaders unpickle such files, which runs whatever code is in them, and only log what does not fit.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from mmengine.model.weight_init import PretrainedInit, update_init_info
from mmengine.runner.checkpoint import (
    CheckpointLoader,
    get_deprecated_model_names,
    get_external_models,
    get_mmcls_models,
    get_torchvision_models,
)
from mmseg.registry import WEIGHT_INITIALIZERS
from torch import Tensor, nn

from bench_mmseg.pretrained import cached_file, read_tensors
from benchmark import UsageError

log = logging.getLogger("bench.training")

SCHEMES = ("", "http://", "https://", "modelzoo://", "torchvision://", "open-mmlab://", "openmmlab://", "mmcls://")
"""Forms of names that `checkpoint_file` understands; the others of mmengine are of storage inside companies."""

LEAST_SHARE = 0.5
"""A file that has fewer of a module's values is of another module. Published ones lack some layers that mmsegmentation
adds, such as a normalisation for each output level of a Swin transformer."""


@WEIGHT_INITIALIZERS.register_module(name="Pretrained")  # models of mmseg's scope ask its registry before mmengine's
class TensorsInit(PretrainedInit):  # type: ignore[misc]  # mmengine has no types
    """Initialise a module by the tensors of a file that fit it, and by no code in it."""

    def __call__(self, module: nn.Module) -> None:
        """Load the file; `UsageError` when it is missing, holds more than tensors, or is of another module."""
        weights = read_tensors(checkpoint_file(self.checkpoint))
        for prefix in ("module.", self.prefix or "backbone."):
            weights = {name.removeprefix(prefix): value for name, value in weights.items()}
        own = module.state_dict()
        wrong = [name for name, value in own.items() if name in weights and weights[name].shape != value.shape]
        if wrong:
            raise UsageError(f"{self.checkpoint}: not the weights of this model: {wrong[0]!r} is of another shape")
        _check_share(self.checkpoint, module, weights)
        module.load_state_dict({name: value for name, value in weights.items() if name in own}, strict=False)
        if hasattr(module, "_params_init_info"):
            update_init_info(module, init_info=self._get_init_info())


def checkpoint_file(name: str) -> Path:
    """The local file of what a configuration calls a checkpoint, downloaded when it is published and not there yet.

    Args:
        name: A path, a URL, or a name in one of the lists of mmengine, such as `open-mmlab://resnet18_v1c`.

    Raises:
        UsageError: The name is in no list, or the file cannot be downloaded.
    """
    scheme = urlparse(name).scheme
    if scheme in ("http", "https"):
        return cached_file(name)
    lists = {
        "open-mmlab": get_external_models,
        "openmmlab": get_external_models,
        "torchvision": get_torchvision_models,
        "modelzoo": get_torchvision_models,
        "mmcls": get_mmcls_models,
    }
    if scheme not in lists:
        return Path(name).expanduser()
    model = name.partition("://")[2]
    if scheme.endswith("mmlab"):
        model = get_deprecated_model_names().get(model, model)
    try:
        return cached_file(lists[scheme]()[model])
    except KeyError as error:
        raise UsageError(f"pretrained weights: mmengine knows no {name}; set 'pretrained' to a file") from error


@contextmanager
def checked_reads(network: nn.Module) -> Iterator[None]:
    """While a network initialises itself, read files as tensors alone also where a backbone loads its file itself.

    Raises:
        UsageError: A file has fewer than half of the values of the network's backbone.
    """
    read: dict[str, dict[str, Tensor]] = {}

    def tensors(filename: str, map_location: Any = None) -> dict[str, Any]:
        read[filename] = read_tensors(checkpoint_file(filename))
        return {"state_dict": read[filename]}

    schemes = dict(CheckpointLoader._schemes)
    CheckpointLoader.register_scheme(tuple(schemes.keys() | set(SCHEMES)), tensors, force=True)
    try:
        yield
    finally:
        CheckpointLoader._schemes = schemes
    for name, weights in read.items():
        _check_share(name, getattr(network, "backbone", network), {n.removeprefix("backbone.") for n in weights})


def _check_share(file: str, module: nn.Module, names: Collection[str]) -> None:
    sizes = {name: value.numel() for name, value in module.named_parameters()}
    missing = [name for name in sizes if name not in names]
    found = sum(sizes[name] for name in sizes if name in names)
    if found < LEAST_SHARE * sum(sizes.values()):
        raise UsageError(
            f"{file}: not the weights of this model: {missing[0]!r} and {len(missing) - 1} more of its "
            f"{len(sizes)} parameters are missing; set 'pretrained' to a file of this backbone, or to false"
        )
    if missing:
        log.warning("%s lacks %d parameters, which start at random: %s", file, len(missing), ", ".join(missing[:5]))
