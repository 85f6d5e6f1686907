"""Weights of a backbone from its publisher or a file, with an error that says where to put them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlparse

import torch
from torch import Tensor, nn

from benchmark import UsageError


def load_backbone(backbone: nn.Module, file: Path) -> None:
    """Take up the weights of a backbone; what the file holds beyond it, such as a classifier, is left aside.

    Args:
        backbone: Where the weights go; names in the file may have the prefix `backbone.`, and those of a timm model may
            lack `timm_model.`, as timm writes them.
        file: A `.safetensors` file, or what `torch.save` wrote (plain tensors only).

    Raises:
        UsageError: No such file, or not the weights of this backbone.
    """
    weights = read_tensors(file)
    weights = {name.removeprefix("backbone."): value for name, value in weights.items()}
    own = backbone.state_dict()
    if hasattr(backbone, "timm_model") and not any(name.startswith("timm_model.") for name in weights):
        weights = {f"timm_model.{name}": value for name, value in weights.items()}
    missing = [name for name in own if name not in weights and not name.endswith("num_batches_tracked")]
    wrong = [name for name in own if name in weights and weights[name].shape != own[name].shape]
    if missing or wrong:
        name = (missing + wrong)[0]
        raise UsageError(f"{file}: not the weights of this backbone: {name!r} is missing or of another shape")
    backbone.load_state_dict({name: weights[name] for name in own if name in weights}, strict=False)


def cached_file(url: str) -> Path:
    """The local copy of a published file, downloaded when it is not there yet.

    Raises:
        UsageError: It is not there and cannot be downloaded.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path), progress=False)
        except (URLError, OSError) as error:
            raise UsageError(
                f"pretrained weights: {url} cannot be downloaded ({error}); copy the file to {path}, "
                "or set 'pretrained' to where it is"
            ) from error
    return path


def openmmlab_url(name: str) -> str:
    """Where OpenMMLab publishes a backbone, such as `resnet50_v1c`."""
    from mmengine.runner.checkpoint import get_external_models

    return str(get_external_models()[name])


def timm_weights(name: str) -> dict[str, Tensor]:
    """The published weights of a timm model.

    Raises:
        UsageError: There are none, or they cannot be downloaded.
    """
    import timm

    try:
        model: Any = timm.create_model(name, pretrained=True)
    except Exception as error:  # hubs raise errors of several unrelated families, by version and by kind of hub
        raise UsageError(
            f"pretrained weights of timm:{name} cannot be had ({error}); download them where there is network and "
            "copy the Hugging Face cache (HF_HOME), or set 'pretrained' to a file"
        ) from error
    return dict(model.state_dict())


def read_tensors(file: Path) -> dict[str, Tensor]:
    """Tensors by name from a `.safetensors` file or what `torch.save` wrote; code in the file is not run.

    Raises:
        UsageError: No such file, damaged, or something else than tensors is in it.
    """
    if not file.is_file():
        raise UsageError(f"pretrained weights: {file} is no file; mend 'pretrained'")
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(file)
        stored = torch.load(file, map_location="cpu", weights_only=True)
        entries = stored.get("state_dict", stored.get("model", stored))
        return {name: value for name, value in entries.items() if isinstance(value, Tensor)}
    except Exception as error:  # a damaged file can make either loader raise nearly anything
        raise UsageError(
            f"pretrained weights: {file} cannot be read as tensors by name; fetch it again, or store its tensors as "
            ".safetensors (other objects may hold code, and are not loaded)"
        ) from error
