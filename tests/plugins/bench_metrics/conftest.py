"""What the metric tests share: a reference tester, a class set, and Inception weights made on the spot."""

from pathlib import Path

import pytest
import torch
import torchvision
from pytorch_fid import inception

from benchmark import ClassSet
from benchmark.api.stage_context import StageContext

CASES = 8


@pytest.fixture
def agrees():
    """Compare a function with its reference implementation on inputs drawn anew for each of several seeds."""

    def check(function, reference, draw, relative=1e-6, absolute=1e-9):
        for seed in range(CASES):
            inputs = draw(torch.Generator().manual_seed(seed))
            ours, theirs = (torch.as_tensor(f(*inputs)).double() for f in (function, reference))
            torch.testing.assert_close(
                ours, theirs, rtol=relative, atol=absolute, msg=lambda m, s=seed: f"case {s}: {m}"
            )

    return check


@pytest.fixture
def classes():
    return ClassSet(
        ("road", "car", "sky", "pole", "tree"),
        ((128, 64, 128), (0, 0, 142), (70, 130, 180), (153, 153, 153), (107, 142, 35)),
    )


@pytest.fixture
def context(tmp_path):
    return StageContext(folder=tmp_path)


@pytest.fixture(scope="session")
def inception_state():
    """A state dict of pytorch-fid's network, drawn at random."""
    with pytest.MonkeyPatch.context() as patch, torch.random.fork_rng():
        torch.manual_seed(0)
        patch.setattr(inception, "load_state_dict_from_url", lambda *args, **options: None)
        patch.setattr(torchvision.models.Inception3, "load_state_dict", lambda *args, **options: None)
        network = inception.fid_inception_v3()
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, generator=torch.Generator().manual_seed(0))
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.1, 0.1, generator=torch.Generator().manual_seed(0))
    return network.state_dict()


@pytest.fixture(scope="session")
def weights(inception_state, tmp_path_factory) -> Path:
    """Those weights in a file, written as the published one was: in the format before torch 1.6."""
    path = tmp_path_factory.mktemp("inception") / "random.pth"
    torch.save(inception_state, path, _use_new_zipfile_serialization=False)
    return path
