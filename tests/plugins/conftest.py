"""What tests of plugins share: one thread, and tiny image sets."""

import numpy as np
import pytest
import torch

from benchmark import ClassSet
from benchmark.api.imageset import ImageSet

CLASSES = ClassSet(("road",), ((0, 0, 0),))


def image_set(pixels):
    return ImageSet(pixels, None, [str(i) for i in range(pixels.shape[1])], CLASSES)


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """The networks of these tests are too small for more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def domains():
    """A source of reddish and a target of bluish noise."""
    noise = np.random.default_rng(0).integers(0, 128, (2, 1, 6, 12, 16, 3), dtype=np.uint8)
    noise[0, ..., 0] += 127
    noise[1, ..., 2] += 127
    return image_set(noise[0]), image_set(noise[1])


@pytest.fixture(scope="session")
def red_and_blue_squares():
    """Domains of red and of blue squares on grey, anywhere: translation is to change the colour alone."""
    generator = np.random.default_rng(0)

    def squares(channel):
        pixels = np.full((1, 24, 16, 16, 3), 110, dtype=np.uint8)
        for image, (top, left) in zip(pixels[0], generator.integers(0, 10, (24, 2)), strict=True):
            image[top : top + 6, left : left + 6] = 20
            image[top : top + 6, left : left + 6, channel] = 230
        return image_set(pixels)

    return squares(0), squares(2)


@pytest.fixture
def seeds(monkeypatch):
    """The seeds of all generators made from now on; shuffles of a seed that another test had are remembered."""
    made, real = [], torch.Generator

    class Recording:
        def manual_seed(self, seed):
            made.append(seed)
            return real().manual_seed(seed)

    monkeypatch.setattr(torch, "Generator", Recording)
    return made
