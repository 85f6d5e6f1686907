"""Which images a segmenter sees at a step, and how they are augmented: pure functions of the step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from bench_engine import augment
from bench_engine.data import EpochOrder, choice, step_generator
from bench_mmseg.options import SegmenterOptions
from bench_mmseg.sampling import ClassBalancedOrder
from benchmark import IGNORE, ImageSet, StageContext

Batches = Callable[[int], dict[str, Tensor]]


def training_batches(data: ImageSet, options: SegmenterOptions, context: StageContext) -> Batches:
    """The augmented batch of each step: `images` and `labels`."""
    order: EpochOrder | ClassBalancedOrder = EpochOrder(len(data), context.seed, "segmenter")
    if options.sampling == "class-balanced":
        order = ClassBalancedOrder(data, options.sampling_temperature, context)

    def batch(step: int) -> dict[str, Tensor]:
        positions = order.positions(step, options.batch_size)
        images = drawn_images(data, positions, context.seed)
        labels = data.label_batch([index for _, index in positions])
        generator = step_generator(context, step, "segmenter:augment")
        images, labels = augmented(images, labels, options, generator)
        return {"images": images, "labels": labels}

    return batch


def with_target(batches: Batches, target: ImageSet, options: SegmenterOptions, context: StageContext) -> Batches:
    """Batches that, from the first step with alignment on, also hold as many unlabelled images under `target`.

    The target images have an order and random numbers of their own, so that the labelled ones stay what they are.
    """
    order = EpochOrder(len(target), context.seed, "alignment")

    def batch(step: int) -> dict[str, Tensor]:
        drawn = batches(step)
        if step < options.alignment_from * options.steps:
            return drawn
        images = target.image_batch(order.indices(step, options.batch_size))
        unlabelled = torch.full((len(images), *images.shape[2:]), IGNORE, dtype=torch.uint8)
        images, _ = augmented(images, unlabelled, options, step_generator(context, step, "alignment:augment"))
        return {**drawn, "target": images}

    return batch


def drawn_images(data: ImageSet, positions: list[tuple[int, int]], seed: int) -> Tensor:
    """Images at pairs of epoch and index, each in a variant that is drawn anew in each epoch."""
    if data.variants == 1:
        return data.image_batch([index for _, index in positions])
    variants = [choice(seed, epoch, index, data.variants) for epoch, index in positions]
    return torch.cat(
        [data.image_batch([index], variant) for (_, index), variant in zip(positions, variants, strict=True)]
    )


def augmented(
    images: Tensor, labels: Tensor, options: SegmenterOptions, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """A batch after all augmentations that the options switch on."""
    size = options.crop or (images.shape[2], images.shape[3])
    if options.scale != (1.0, 1.0):
        images, labels = augment.scaled_crop(images, labels, size, options.scale, generator, options.scale_law)
    elif options.crop:
        images, labels = augment.crop(images, labels, size, generator)
    if options.flip:
        images, labels = augment.flip(images, labels, generator)
    if options.blur:
        images = augment.blur(images, options.blur, generator)
    if options.jitter:
        images = augment.jitter(images, options.jitter, generator)
    if options.amplitude:
        images = augment.random_amplitudes(images, options.amplitude, generator)
    if options.noise:
        images = augment.noise(images, options.noise, generator)
    return images, labels
