"""A pretended GPU behaves as a real one where devices meet, and trains networks to their end."""

from copy import deepcopy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from benchmark.testing.pretended_gpu import pretended_gpu


@pytest.fixture(autouse=True)
def gpu():
    with pretended_gpu():
        yield


class Shifted(nn.Module):
    """Adds a constant that a careless author made on the CPU."""

    def __init__(self, device):
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 1)
        self.device = device

    def forward(self, images):
        return self.layer(images) + torch.zeros(3, 1, 1, device=self.device)


def test_a_tensor_made_on_the_cpu_and_added_on_the_gpu_is_found():
    images = torch.rand(2, 3, 4, 4).to("cuda")
    assert Shifted("cuda").to("cuda")(images).device.type == "cuda"
    with pytest.raises(RuntimeError, match="two different devices"):
        Shifted("cpu").to("cuda")(images)


LAYERS = [nn.Conv2d(3, 3, 1), nn.ConvTranspose2d(3, 3, 1), nn.BatchNorm2d(3), nn.Linear(4, 4), nn.GroupNorm(1, 3)]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_a_layer_left_on_the_cpu_is_found(layer):
    with pytest.raises(RuntimeError, match="two different devices"):
        layer(torch.rand(2, 3, 4, 4).to("cuda"))


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_a_layer_of_the_gpu_refuses_images_of_the_cpu(layer):
    with pytest.raises(RuntimeError, match="two different devices"):
        deepcopy(layer).to("cuda")(torch.rand(2, 3, 4, 4))


def test_values_of_the_cpu_put_into_a_tensor_of_the_gpu_are_found():
    tensor = torch.rand(4, 3, device="cuda")
    tensor[torch.tensor([0, 2])] = torch.rand(2, 3, device="cuda")
    with pytest.raises(RuntimeError, match="Mismatching"):
        tensor[torch.tensor([0, 2])] = torch.rand(2, 3)


def test_mix_ups_are_found_in_inference_mode():
    with torch.inference_mode(), pytest.raises(RuntimeError, match="two different devices"):
        Shifted("cpu").to("cuda")(torch.rand(2, 3, 4, 4).to("cuda"))


def test_a_generator_of_the_cpu_cannot_draw_on_the_gpu():
    generator = torch.Generator().manual_seed(0)
    assert torch.randn(3, generator=generator).to("cuda").device.type == "cuda"
    with pytest.raises(RuntimeError, match="expected a generator of the GPU"):
        torch.randn(3, generator=generator, device="cuda")


def test_an_array_cannot_be_taken_from_the_gpu_without_bringing_it_back():
    tensor = torch.ones(2, 3).to("cuda")
    np.testing.assert_array_equal(tensor.cpu().numpy(), np.zeros((2, 3), np.float32))
    with pytest.raises((TypeError, RuntimeError)):
        tensor.numpy()


def test_what_torch_allows_on_a_gpu_is_allowed():
    tensor = torch.rand(4, 3, device="cuda")
    assert (tensor * torch.tensor(2.0)).device.type == "cuda"
    assert tensor[torch.tensor([0, 2])].shape == (2, 3)
    assert tensor.copy_(torch.rand(4, 3)).device.type == "cuda"
    assert (tensor.sum().item(), tensor.long().max().item()) == (1.0, 0)
    assert (bool(torch.isfinite(tensor).all()), bool((tensor > 1).any())) == (True, False)
    assert tensor[tensor > 0.5].shape == (1,)
    assert torch.bincount(tensor.long().flatten(), minlength=7).shape == (7,)


def test_tensors_of_the_cpu_are_real():
    drawn = torch.rand(100, generator=torch.Generator().manual_seed(0))
    assert 0.3 < drawn.mean().item() < 0.7
    assert drawn.numpy().std() > 0


def test_a_tensor_of_the_cpu_that_is_written_into_stays_itself():
    kept = torch.ones(2)
    assert kept.copy_(torch.rand(2, device="cuda")) is kept
    assert kept.device.type == "cpu"


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_a_network_is_moved_again(layout):
    network = Shifted("cuda").to("cuda").to(memory_format=layout).to("cpu")
    assert {weight.device.type for weight in network.parameters()} == {"cpu"}


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_autocast_is_on_where_it_is_asked_for(precision):
    with torch.autocast("cuda", dtype=torch.bfloat16, enabled=precision is torch.bfloat16):
        assert nn.Conv2d(3, 3, 1).to("cuda")(torch.rand(2, 3, 4, 4).to("cuda")).dtype is precision


def test_a_training_step_gives_gradients_to_the_weights_that_the_loss_depends_on():
    used, unused = (nn.Linear(3, 2).to("cuda") for _ in range(2))
    optimizer = torch.optim.Adam([*used.parameters(), *unused.parameters()], fused=True)
    for _ in range(2):
        loss = F.mse_loss(used(torch.rand(4, 3, device="cuda")), torch.rand(4, 2, device="cuda"))
        loss.backward()
        optimizer.step()
    assert all(weight.grad.shape == weight.shape for weight in used.parameters())
    assert all(weight.grad.device.type == "cuda" for weight in used.parameters())
    assert all(weight.grad is None for weight in unused.parameters())
    with pytest.raises(RuntimeError, match="does not require grad"):
        loss.detach().backward()


class ScaledByConstant(torch.autograd.Function):
    """A backward pass in which a careless author made a constant on the CPU."""

    @staticmethod
    def forward(context, images):
        return images * 2

    @staticmethod
    def backward(context, gradient):
        return gradient * torch.full((3,), 2.0)


def test_a_mix_up_in_a_backward_pass_written_in_python_is_found():
    images = torch.rand(4, 3, device="cuda", requires_grad=True)
    loss = ScaledByConstant.apply(images).sum()
    with pytest.raises(RuntimeError, match="two different devices"):
        loss.backward()


def test_a_network_is_saved_and_loaded(tmp_path):
    network = Shifted("cuda").to("cuda")
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    state = torch.load(tmp_path / "weights.pt", map_location="cpu", weights_only=True)
    assert [value.device.type for value in state.values()] == ["cpu", "cpu"]
    assert state["layer.bias"].numpy().tolist() == [0, 0, 0]
    network.load_state_dict(state)
    assert network(torch.rand(1, 3, 2, 2, device="cuda")).device.type == "cuda"
