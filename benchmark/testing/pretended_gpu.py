"""A pretended GPU, on which tensors have a shape and a device but no values: it finds mix-ups of devices anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, cast
from unittest.mock import patch

import torch
import torch.cuda.amp.common
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode, unset_fake_temporarily
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

aten = torch.ops.aten

HOLDS_FOR_ALL = "holds_for_all"
"""Attribute of the results of `all`."""


@contextmanager
def pretended_gpu() -> Iterator[None]:
    """Let `"cuda"` be a device in the block, whether or not this machine has a GPU.

    Code that uses tensors of the CPU and of the GPU together raises `RuntimeError`, as on a real GPU. Tensors of the
    CPU are real ones. What is brought from the GPU to the CPU is filled with zeros; a single number is 1.0 or 0, and a
    truth value False, but True of `all`, so that checks of values find nothing wrong. Autocast on the GPU is on where
    it is asked for.

    Autograd cannot run on such tensors. `backward` and `torch.autograd.grad` give zeros for gradients, so that
    trainings run to their end; of all backward passes, those that are written in Python are run, on zeros.
    """
    replaced: list[tuple[Any, str, Any]] = [
        (torch.autograd, "backward", _backward),
        (torch.autograd, "grad", _zero_gradients),
        (FakeTensor, "__reduce_ex__", lambda tensor, protocol: _on_cpu(tensor).__reduce_ex__(protocol)),
        (torch, "load", _without_fake_mode(torch.load)),  # which would give tensors without values
        (torch, "save", _without_fake_mode(torch.save)),
        (Tensor, "pin_memory", lambda tensor, *_: tensor),
        (torch.cuda, "is_bf16_supported", lambda *_, **__: True),
        (torch.cuda.amp.common, "amp_definitely_not_available", lambda: False),
    ]
    with ExitStack() as stack:
        for owner, name, replacement in replaced:
            stack.enter_context(patch.object(owner, name, replacement))
        fake_mode = stack.enter_context(FakeTensorMode())
        stack.enter_context(_PretendedGPU(fake_mode))
        yield


class _PretendedGPU(TorchDispatchMode):
    """Leaves operations on the CPU to torch, and others to the `FakeTensorMode` below it, once devices are checked."""

    def __init__(self, fake_mode: FakeTensorMode) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # in torch
        self._fake_mode = fake_mode

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        leaves = tree_leaves((args, kwargs))
        if not any(map(_is_on_gpu, leaves)):
            with unset_fake_temporarily():
                return func(*args, **kwargs)
        if func.namespace == "aten" and func._can_decompose():  # such as `to` in inference mode
            with self:
                return func.decompose(*args, **kwargs)
        _check_devices(leaves, func)
        if func in _VALUES:
            return _VALUES[func](*args, **kwargs)
        if func in _INDEXED:
            args = (args[0], _without_masks(args[1]), *args[2:])
        stand_ins = _StandIns()
        result = func(*tree_map(stand_ins.fake, args), **tree_map(stand_ins.fake, kwargs))
        # a weight that is remembered could not be moved again
        self._fake_mode.fake_tensor_converter.tensor_memo.clear()
        if func in _ALL:
            setattr(result, HOLDS_FOR_ALL, True)
        return tree_map(stand_ins.real, result)


class _StandIns:
    """Fake tensors for the real ones of an operation, whose results are turned back."""

    def __init__(self) -> None:
        self._pairs: list[tuple[Tensor, Tensor]] = []

    def fake(self, leaf: Any) -> Any:
        """A fake tensor for one of the CPU; any other argument as it is."""
        if not isinstance(leaf, Tensor) or isinstance(leaf, FakeTensor):
            return leaf
        stand_in = torch.empty_strided(leaf.shape, leaf.stride(), dtype=leaf.dtype)
        self._pairs.append((stand_in, leaf))
        return stand_in

    def real(self, result: Any) -> Any:
        """A real tensor for one of the CPU: that of the arguments which an operation in place returns, or a new one."""
        if not isinstance(result, FakeTensor) or result.device.type != "cpu":
            return result
        for stand_in, real in self._pairs:
            if stand_in is result:
                return real
        return _on_cpu(result)


def _is_on_gpu(leaf: Any) -> bool:
    """Whether an argument of an operation is a tensor of the GPU, or the GPU itself."""
    return isinstance(leaf, FakeTensor) or (isinstance(leaf, torch.device) and leaf.type == "cuda")


def _check_devices(leaves: Sequence[Any], func: Any) -> None:
    """Refuse tensors of two devices, which torch's fake tensors let pass in some operations, such as convolutions."""
    for leaf in leaves:
        if isinstance(leaf, torch.Generator) and leaf.device.type == "cpu":
            raise RuntimeError(f"{func}: expected a generator of the GPU, but one of the CPU came")
    # a single number of the CPU may meet tensors of the GPU
    devices = {str(leaf.device) for leaf in leaves if isinstance(leaf, Tensor) and leaf.ndim > 0}
    if len(devices) > 1 and func not in _OF_TWO_DEVICES:
        raise RuntimeError(f"{func}: expected tensors of one device, but found two different devices, {devices}")


def _without_masks(indices: Sequence[Tensor | None]) -> list[Tensor | None]:
    """Indices of a single element for each mask, as how many elements a mask chooses depends on values."""
    found: list[Tensor | None] = []
    for index in indices:
        if index is None or index.dtype is not torch.bool:
            found.append(index)
        else:
            found += [torch.zeros(1, dtype=torch.long, device=index.device)] * index.ndim
    return found


_ALL = (aten.all.default, aten.all.dim, aten.all.dims)
_INDEXED = (aten.index.Tensor, aten.index_put.default, aten.index_put_.default)
_OF_TWO_DEVICES = (*_INDEXED, aten._to_copy.default, aten.copy_.default, aten.copy.default)


def _number(tensor: Tensor) -> float | int | bool:
    if tensor.dtype is torch.bool:
        return hasattr(tensor, HOLDS_FOR_ALL)
    return 1.0 if tensor.dtype.is_floating_point else 0


def _bincount(codes: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    return torch.zeros(minlength, dtype=torch.long, device=codes.device)


_VALUES: dict[Any, Callable[..., Any]] = {aten._local_scalar_dense.default: _number, aten.bincount.default: _bincount}
"""Operations whose result, or its shape, depends on values."""


def _without_fake_mode(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        with unset_fake_temporarily():
            return function(*args, **kwargs)

    return call


def _on_cpu(tensor: Tensor) -> Tensor:
    with unset_fake_temporarily():
        return torch.zeros(tensor.shape, dtype=tensor.dtype)


def _backward(tensors: Tensor | Sequence[Tensor], *args: Any, **kwargs: Any) -> None:
    """Give all leaves of the graph a gradient of zeros, as `torch.autograd.backward` gives them theirs."""
    roots = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    for root in roots:
        if not root.requires_grad:
            raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")
    nodes = _graph(roots)
    with torch.no_grad():
        for node in nodes:
            if isinstance(node, torch.autograd.function.BackwardCFunction):
                _run_python_backward(node)
        for leaf in dict.fromkeys(node.variable for node in nodes if hasattr(node, "variable")):
            zeros = torch.zeros_like(leaf)
            leaf.grad = zeros if leaf.grad is None else leaf.grad + zeros


def _run_python_backward(node: Any) -> None:
    """Call the `backward` of a `torch.autograd.Function` with zeros in place of the gradients of its outputs."""
    zeros = [torch.zeros(data.shape, dtype=data.dtype, device=data.device) for data in node._input_metadata]
    node._forward_cls.backward(node, *zeros)


def _zero_gradients(outputs: Any, inputs: Tensor | Sequence[Tensor], *args: Any, **kwargs: Any) -> tuple[Tensor, ...]:
    """Zeros, as `torch.autograd.grad` gives gradients."""
    wanted = [inputs] if isinstance(inputs, Tensor) else inputs
    return tuple(torch.zeros_like(tensor) for tensor in wanted)


def _graph(roots: Sequence[Tensor]) -> list[Any]:
    """All nodes of the graph that tensors came from."""
    found: dict[Any, None] = {}
    waiting = [cast(Any, root.grad_fn) for root in roots]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in found:
            found[node] = None
            waiting += [before for before, _ in node.next_functions]
    return list(found)
