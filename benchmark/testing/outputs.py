"""All that a translator gives for the same images, by name, and how two of them compare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from benchmark.api.translator import HasAttentionMaps, HasPixelAttention, Invertible, MultiVariant, Translator

ABILITIES = (Invertible, MultiVariant, HasAttentionMaps, HasPixelAttention)

Outputs = dict[str, Tensor]


def translator_outputs(translator: Translator, images: Tensor) -> Outputs:
    """Every variant of the translation, and what the translator's abilities give, for images (N, 3, H, W)."""
    numbers = set(range(variants(translator)))
    if isinstance(translator, MultiVariant):
        numbers.add(7)  # the pictures show eight, however many are stored
    given = {f"translate(images, variant={k})": translator.translate(images, k) for k in sorted(numbers)}
    if isinstance(translator, Invertible):
        given["inverse(images)"] = translator.inverse(images)
    if isinstance(translator, HasAttentionMaps):
        given["attention_maps(images)"] = translator.attention_maps(images)
    if isinstance(translator, HasPixelAttention):
        for row, column in _crosses(*images.shape[2:]):
            given[f"attention_from(images, {row}, {column})"] = translator.attention_from(images, row, column)
    return given


def variants(translator: Translator) -> int:
    """How many variants the translator says it has, 1 where it does not say."""
    return translator.variants if isinstance(translator, MultiVariant) else 1


def check_form(given: Mapping[str, Tensor], images: Tensor) -> None:
    """Fail where an output is no image, or no map, of the size of the images it was made from."""
    count, _, height, width = images.shape
    for name, tensor in given.items():
        expected = (count, 1 if name.startswith("attention") else 3, height, width)
        where = f"{name} of images of shape {tuple(images.shape)}"
        assert tuple(tensor.shape) == expected, f"{where}: expected shape {expected}, but {tuple(tensor.shape)} came"
        assert tensor.dtype is torch.float32, f"{where}: expected torch.float32, but {tensor.dtype} came"
        broken = int((~torch.isfinite(tensor)).sum())
        assert not broken, f"{where}: expected finite values, but {broken} of {tensor.numel()} are NaN or infinite"
        low, high = float(tensor.min()), float(tensor.max())
        assert low >= 0, f"{where}: expected values in [0, 1], but the lowest is {low:.6g}"
        assert high <= 1, f"{where}: expected values in [0, 1], but the highest is {high:.6g}"


def check_equal(expected: Mapping[str, Tensor], given: Mapping[str, Tensor], what: str) -> None:
    """Fail where outputs are not the same bit by bit; `what` says which were compared, and what to look at."""
    found = [f"{name} {distance}" for name, distance in _distances(expected, given)]
    assert not found, f"{what}; expected equal bits, but: {', '.join(found)}"


def check_close(expected: Mapping[str, Tensor], given: Mapping[str, Tensor], tolerance: float, what: str) -> None:
    """Fail where outputs differ by more than a tolerance anywhere."""
    for name, tensor in given.items():
        apart = float((tensor - expected[name]).abs().max())
        assert apart <= tolerance, f"{what}; expected at most {tolerance:g} between them, but {name} is {apart:g} apart"


def _distances(expected: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> Iterator[tuple[str, str]]:
    for name in dict.fromkeys([*expected, *given]):
        if name not in expected or name not in given:
            yield name, "is there only once"
        elif not torch.equal(expected[name], given[name]):
            apart = (expected[name] - given[name]).abs()
            yield name, f"differs in {float((apart > 0).float().mean()):.1%} of values, by up to {float(apart.max()):g}"


def _crosses(height: int, width: int) -> list[tuple[int, int]]:
    """Row and column of the first, the middle and the last pixel."""
    return sorted({(0, 0), (height // 2, width // 2), (height - 1, width - 1)})
