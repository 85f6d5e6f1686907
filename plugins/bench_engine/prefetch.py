"""Batches on the device of a training; for a GPU the next one is drawn while the current one is used."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import torch

from bench_engine.model import Batch, Batches


def batches_on(device: str, batches: Batches, steps: Iterable[int]) -> Iterator[Batch]:
    """The batches of steps in their order, on a torch device."""
    if torch.device(device).type == "cpu":
        return map(batches, steps)
    return (_moved(batch, device) for batch in prefetch(batches, steps))


def prefetch(batches: Batches, steps: Iterable[int]) -> Iterator[Batch]:
    """The batches of steps in their order; each is drawn in a thread while the one before it is used."""
    pending: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(1) as pool:
        for step in steps:
            pending.append(pool.submit(batches, step))
            if len(pending) > 1:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def _moved(batch: Batch, device: str) -> Batch:
    return {
        name: value.pin_memory().to(device, non_blocking=True) if isinstance(value, torch.Tensor) else value
        for name, value in batch.items()
    }
