"""The image pool against a pool written with plain lists."""

import pytest
import torch

from bench_gan.pool import ImagePool


class ListPool:
    """The same recipe on Python lists, one image after the other."""

    def __init__(self, size, generator):
        self.size, self.generator, self.images = size, generator, []

    def exchange(self, images):
        handed_out = []
        for image in images.tolist():
            if len(self.images) < self.size:
                self.images.append(image)
                handed_out.append(image)
            elif torch.rand((), generator=self.generator) < 0.5:
                slot = int(torch.randint(self.size, (), generator=self.generator))
                handed_out.append(self.images[slot])
                self.images[slot] = image
            else:
                handed_out.append(image)
        return torch.tensor(handed_out)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def numbered(first, count):
    return torch.arange(first, first + count).float().view(count, 1, 1, 1).expand(count, 3, 2, 2).clone()


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_it_hands_out_what_a_pool_of_lists_does(batch):
    ours, lists = ImagePool(5, seeded()), ListPool(5, seeded())
    for step in range(30):
        images = numbered(step * batch, batch)
        assert torch.equal(ours.exchange(images), lists.exchange(images))


def test_it_fills_up_first_and_then_swaps_half_of_the_images():
    pool = ImagePool(10, seeded())
    assert torch.equal(pool.exchange(numbered(0, 10)), numbered(0, 10))
    later = torch.cat([pool.exchange(numbered(step, 1)) for step in range(10, 1010)])
    old = (later[:, 0, 0, 0] != torch.arange(10, 1010)).float().mean()
    assert 0.45 < old < 0.55


def test_a_pool_of_size_0_hands_out_what_comes_in():
    images = numbered(0, 4).requires_grad_()
    handed_out = ImagePool(0, seeded()).exchange(images)
    assert torch.equal(handed_out, images)
    assert not handed_out.requires_grad


def test_what_it_hands_out_and_keeps_has_no_history():
    pool = ImagePool(2, seeded())
    images = numbered(0, 4).requires_grad_()
    assert not pool.exchange(images * 2).requires_grad
    assert not pool.state()["images"].requires_grad


def test_later_changes_of_an_image_do_not_reach_the_pool():
    pool = ImagePool(2, seeded())
    images = numbered(5, 2)
    pool.exchange(images)
    images.zero_()
    assert torch.equal(pool.state()["images"], numbered(5, 2))


def test_images_that_are_not_finite_are_never_kept():
    pool = ImagePool(3, seeded())
    pool.exchange(numbered(0, 3))
    for _ in range(20):
        bad = torch.full((1, 3, 2, 2), float("nan"))
        pool.exchange(bad)
    assert torch.isfinite(pool.state()["images"]).all()


def test_a_restored_pool_goes_on_as_the_first_would_have():
    first, second = ImagePool(4, seeded(0)), ImagePool(4, seeded(9))
    for step in range(7):
        first.exchange(numbered(step, 1))
    state = {name: value.clone() if torch.is_tensor(value) else value for name, value in first.state().items()}
    second.load_state(state)
    for step in range(7, 30):
        assert torch.equal(first.exchange(numbered(step, 1)), second.exchange(numbered(step, 1)))


def test_an_empty_pool_can_be_restored():
    first, second = ImagePool(4, seeded(0)), ImagePool(4, seeded(9))
    second.load_state(first.state())
    assert torch.equal(first.exchange(numbered(0, 6)), second.exchange(numbered(0, 6)))


def test_a_bad_image_leaves_no_hole_while_the_pool_fills():
    pool = ImagePool(2, seeded())
    pool.exchange(numbered(1, 1))
    pool.exchange(torch.full((1, 3, 2, 2), float("inf")))
    handed_out = torch.cat([pool.exchange(numbered(number, 1)) for number in range(2, 20)])
    assert (handed_out > 0).all()


def test_a_first_image_that_is_not_finite_leaves_the_pool_empty():
    pool = ImagePool(2, seeded())
    bad = torch.full((1, 3, 2, 2), float("nan"))
    assert torch.isnan(pool.exchange(bad)).all()
    pool.exchange(numbered(1, 2))
    assert torch.equal(pool.state()["images"], numbered(1, 2))
