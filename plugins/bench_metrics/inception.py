"""The Inception features that FID and KID are defined on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from bench_metrics.options import WEIGHTS_NAME, InceptionOptions, usual_weights
from benchmark import Unavailable, display_path

WEIGHTS_DIGEST = "6726825d"
"""First digits of the SHA-256 of the published file; by torch.hub's convention its name carries them."""

FEATURES = 2048
"""Width of the final pool."""

CHUNK = {"cpu": 16, "cuda": 128}
"""Images per forward pass: on a CPU more are no faster and need more memory."""


def find_weights(options: InceptionOptions) -> Path:
    """The weights file that the options ask for.

    Raises:
        Unavailable: There is none, and it was not to be downloaded or could not be.
    """
    path = options.weights or usual_weights()
    if path.is_file():
        return path
    if options.weights is not None:
        raise Unavailable(
            f"Inception weights: expected a file at {display_path(path)}, found none; correct the option 'weights'"
        )
    if not options.download:
        raise Unavailable(
            f"Inception weights: expected {display_path(path)}, found none; put pytorch-fid's file there, "
            "or name it with --fid-weights PATH (option 'weights'), or set the option 'download'"
        )
    return download_weights(path)


def download_weights(path: Path) -> Path:
    """Fetch the published weights to `path`; `Unavailable` when that fails."""
    from pytorch_fid.inception import FID_WEIGHTS_URL

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(FID_WEIGHTS_URL, str(path), hash_prefix=WEIGHTS_DIGEST, progress=False)
    except (OSError, RuntimeError) as error:
        raise Unavailable(
            f"Inception weights: {FID_WEIGHTS_URL} cannot be downloaded ({error}); "
            f"fetch it by hand to {display_path(path)}"
        ) from error
    return path


def file_digest(path: Path) -> str:
    """SHA-256 of a weights file; `Unavailable` when it bears the published name, but not its content."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if path.name == WEIGHTS_NAME and not digest.startswith(WEIGHTS_DIGEST):
        raise Unavailable(
            f"Inception weights: {display_path(path)} is damaged: its SHA-256 should start with {WEIGHTS_DIGEST}, "
            f"but is {digest[:8]}...; fetch it again"
        )
    return digest


def read_weights(path: Path) -> Mapping[str, Tensor]:
    """Read a state dict, executing nothing that the file might hold; `Unavailable` when it is not one."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can make the unpickler raise nearly anything
        raise Unavailable(
            f"Inception weights: {display_path(path)} cannot be read as a state dict; fetch it again"
        ) from error
    if not isinstance(state, Mapping):
        raise Unavailable(
            f"Inception weights: {display_path(path)} holds a {type(state).__name__}, expected a state dict"
        )
    return state


def build_network(state: Mapping[str, Tensor]) -> nn.Module:
    """pytorch-fid's InceptionV3 up to the final pool, in evaluation mode, batch norms folded into convolutions.

    Folding, with channels_last on top, doubles the speed on a CPU; features move by some 1e-6 of their spread.

    Raises:
        RuntimeError, AttributeError: The state dict is that of another network.
    """
    from pytorch_fid.inception import InceptionV3
    from torch.nn.utils.fusion import fuse_conv_bn_eval
    from torchvision.models.inception import BasicConv2d

    with _given_weights(state):
        network: nn.Module = InceptionV3().eval()
    for module in list(network.modules()):
        if isinstance(module, BasicConv2d):
            module.conv = fuse_conv_bn_eval(module.conv, module.bn)
            module.bn = nn.Identity()
    return network


@contextmanager
def _given_weights(state: Mapping[str, Tensor]) -> Iterator[None]:
    """Let pytorch-fid build its network from `state`: it has no argument for it and would turn to the network."""
    from pytorch_fid import inception

    original = inception.load_state_dict_from_url
    inception.load_state_dict_from_url = lambda url, progress=True: state
    try:
        yield
    finally:
        inception.load_state_dict_from_url = original


class FeatureExtractor:
    """Final-pool features of images.

    Attributes:
        digest: SHA-256 of the weights file.
    """

    def __init__(self, path: Path, device: str) -> None:
        self.digest = file_digest(path)
        self._device = torch.device(device)
        self._layout = torch.channels_last if self._device.type == "cpu" else torch.contiguous_format
        try:
            network = build_network(read_weights(path)).to(self._device)
        except (RuntimeError, AttributeError) as error:
            raise Unavailable(
                f"Inception weights: {display_path(path)} is the state dict of another network, "
                "expected pytorch-fid's InceptionV3"
            ) from error
        self._network = network.to(memory_format=self._layout)  # type: ignore[call-overload]  # torch's stubs lack it

    # Full precision whatever the stage uses: rounded features shift FID by more than methods differ.
    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Tensor:
        """Features, float32, shape (N, 2048), on the CPU, of RGB images in [0, 1], shape (N, 3, H, W)."""
        with torch.autocast(self._device.type, enabled=False), _no_tf32():
            features = []
            for chunk in images.float().split(CHUNK[self._device.type]):
                pooled, *_ = self._network(chunk.to(self._device, memory_format=self._layout))
                features.append(pooled.flatten(1).cpu())
        return torch.cat(features)


@contextmanager
def _no_tf32() -> Iterator[None]:
    """Keep convolutions on CUDA from rounding their input to 10 bits, which torch does by default."""
    original = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = original


def shared_extractor(path: Path, device: str) -> FeatureExtractor:
    """The one extractor of this process for a weights file on a device; `Unavailable` when the file is unfit."""
    return _extractor(path, path.stat().st_mtime_ns, device)


@lru_cache(maxsize=1)
def _extractor(path: Path, changed: int, device: str) -> FeatureExtractor:
    return FeatureExtractor(path, device)
