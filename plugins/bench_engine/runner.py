"""mmengine's Runner for one stage: a loop over steps, atomic checkpoints, no process-wide side effects."""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from mmengine.fileio.backends import LocalBackend, register_backend
from mmengine.logging import MMLogger
from mmengine.runner import IterBasedTrainLoop, Runner
from mmengine.visualization import Visualizer

from benchmark import StageContext

Batch = dict[str, Any]
Batches = Callable[[int], Batch]

CHECKPOINT = "training.pth"


class AtomicBackend(LocalBackend):
    """Local files that appear by one rename, so that a kill while writing leaves the previous one."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write a file under another name, then rename it."""
        path = Path(filepath)
        partial = path.with_suffix(".partial")
        super().put(obj, partial)
        partial.replace(path)


register_backend("bench_atomic", AtomicBackend, force=True)


class PlainVisualizer(Visualizer):
    """mmengine's Visualizer without the canvas it opens at once: importing matplotlib takes most of a second."""

    def _initialize_fig(self, fig_cfg: Any) -> tuple[None, SimpleNamespace, None]:
        return None, SimpleNamespace(get_dpi=lambda: 100), None


class StageRunner(Runner):
    """A Runner on the device of a stage; the model it gets is initialised and stays where it is asked to be."""

    def __init__(self, context: StageContext, *, tensorboard: bool, **kwargs: Any) -> None:
        self._run = context
        # mmengine keeps its instances by name for the life of the process: a name twice would be one object twice.
        name = f"bench-{uuid.uuid4().hex}"
        stopped = context.checkpoints / CHECKPOINT
        backends = [{"type": "TensorboardVisBackend", "save_dir": str(context.folder / "tensorboard")}]
        super().__init__(
            work_dir=str(context.checkpoints),
            load_from=str(stopped) if stopped.exists() else None,
            resume=stopped.exists(),
            experiment_name=name,
            visualizer=PlainVisualizer(name, vis_backends=backends if tensorboard else []),
            randomness={"seed": context.generator("training").initial_seed() % 2**32},
            log_level="ERROR",
            **kwargs,
        )

    def setup_env(self, env_cfg: dict[str, Any]) -> None:
        """One process, and nothing set for all others (mmengine would change the start method of processes)."""
        self._rank, self._world_size = 0, 1
        self._timestamp = time.strftime("%Y%m%d_%H%M%S")

    def _log_env(self, env_cfg: dict[str, Any]) -> None:
        """Leave out the survey of compilers and devices: it takes seconds, and a record has its own provenance."""

    def build_logger(self, log_level: int | str = "INFO", log_file: str | None = None, **kwargs: Any) -> MMLogger:
        """A logger to the console alone."""
        return MMLogger.get_instance(self.experiment_name, logger_name="mmengine", log_level=log_level)

    def dump_config(self) -> None:
        """Leave out mmengine's configuration: the options are in the record."""

    def wrap_model(self, model_wrapper_cfg: dict[str, Any] | None, model: torch.nn.Module) -> torch.nn.Module:
        """The model on the device of the run, which need not be the best one there is."""
        return model.to(self._run.device)

    def _init_model_weights(self) -> None:
        """Leave the weights as they are."""

    def resume(self, filename: str, **kwargs: Any) -> None:
        """Resume on the CPU's side, where random states must be; weights are copied to where the model is."""
        super().resume(filename, map_location="cpu")

    def load_checkpoint(self, filename: str, map_location: Any = "cpu", **kwargs: Any) -> dict[str, Any]:
        """Load one of our own checkpoints, which must fit to the last key."""
        return super().load_checkpoint(filename, map_location, strict=True, revise_keys=[])


class StepData:
    """Stands where mmengine wants a data loader; batches come from a function of the step."""

    def __init__(self, batches: Batches, steps: int) -> None:
        self.batches = batches
        self.steps = steps
        self.dataset = SimpleNamespace(metainfo={})

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Batch]:
        return map(self.batches, range(self.steps))


class StepLoop(IterBasedTrainLoop):
    """mmengine's loop over iterations, which resumes at its step without drawing the batches before it."""

    def __init__(self, runner: Runner, dataloader: StepData, context: StageContext) -> None:
        super().__init__(runner, dataloader, max_iters=dataloader.steps, val_interval=dataloader.steps + 1)
        self._device = torch.device(context.device)

    def run(self) -> torch.nn.Module:
        """Train from the current step to the last."""
        self.runner.call_hook("before_train")
        self.runner.call_hook("before_train_epoch")
        self.runner.model.train()
        for batch in self._batches():
            self.run_iter(batch)
        self.runner.call_hook("after_train_epoch")
        self.runner.call_hook("after_train")
        return self.runner.model

    def _batches(self) -> Iterator[Batch]:
        steps = range(self._iter, self._max_iters)
        if self._device.type == "cpu":
            return map(self.dataloader.batches, steps)
        return (_on_device(batch, self._device) for batch in prefetch(self.dataloader.batches, steps))


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


def _on_device(batch: Batch, device: torch.device) -> Batch:
    return {
        name: value.pin_memory().to(device, non_blocking=True) if isinstance(value, torch.Tensor) else value
        for name, value in batch.items()
    }
