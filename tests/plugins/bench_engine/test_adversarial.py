"""The pieces of an adversarial step leave alone what they must not touch."""

import torch

from bench_engine.adversarial import discriminator_loss, frozen, least_squares
from bench_gan.networks import PatchDiscriminator, initialize


def discriminator():
    network = PatchDiscriminator(4, 1)
    initialize(network, torch.Generator().manual_seed(0), gain=0.2)
    return network


def images(seed, count=2):
    return torch.rand(count, 3, 12, 12, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_gradients_pass_through_a_frozen_network_and_leave_none_in_it():
    network, pixels = discriminator(), images(1).requires_grad_()
    with frozen(network):
        network(pixels).sum().backward()
    assert pixels.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in network.parameters())


def test_a_network_thaws_when_the_step_is_over_or_fails():
    network = discriminator()
    next(network.parameters()).requires_grad_(False)
    try:
        with frozen(network):
            raise ValueError
    except ValueError:
        pass
    assert [p.requires_grad for p in network.parameters()] == [False, *[True] * (len(list(network.parameters())) - 1)]


def test_judging_in_one_pass_equals_judging_apart():
    network, real, fake = discriminator(), images(1, 3), images(2, 2)
    together = discriminator_loss(network, real, fake, least_squares()).loss
    apart = (network(real) - 1).square().mean() + network(fake).square().mean()
    torch.testing.assert_close(together, apart)


def test_judging_gives_no_gradient_to_generated_images():
    fake = images(2).requires_grad_()
    discriminator_loss(discriminator(), images(1), fake, least_squares()).loss.backward()
    assert fake.grad is None
