"""What a stage is given to work with: device, precision, seed, log, progress, checkpoints."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from benchmark.api.checkpoints import read_checkpoint, write_checkpoint

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Precision = Literal["fp32", "bf16"]
RequestedPrecision = Literal["auto", "fp32", "bf16"]
RequestedDevice = Literal["auto", "cpu", "cuda"]

CHECKPOINTS, PICTURES = "checkpoints", "pictures"
"""Folders in the folder of a run."""
COLUMNS = "columns"
"""Under which the names of a picture's columns are stored in its file."""
SCALARS = "scalars.jsonl"


class FittedSegmenter(Protocol):
    """A trained segmenter that is lent for its predictions; see `benchmark.Segmenter`."""

    def predict(self, images: Tensor) -> Tensor:
        """Train ids, uint8, shape (N, H, W), for float32 RGB images in [0, 1], shape (N, 3, H, W)."""
        ...


class FittedTranslator(Protocol):
    """A trained translator that is lent for its translations; see `benchmark.Translator`."""

    def translate(self, images: Tensor, variant: int = 0) -> Tensor:
        """Source images in the look of the target domain, float32 RGB in [0, 1], shape (N, 3, H, W)."""
        ...


@dataclass
class StageContext:
    """One attempt at one stage.

    Attributes:
        folder: Scratch folder of the stage. It survives an interruption and is there again when the stage is
            resumed.
        seed: Seed of the cell; derive generators from it through `generator`.
        device: A torch device string: "cpu" or "cuda".
        precision: What autocast is to use.
        facts: Numbers for the record (parameters, images per second); add with `report`.
        on_progress: Where progress goes; the worker sets it.
        source_segmenter: The auxiliary segmenter of the matrix, trained on the labelled source images and on `device`,
            for translators that need it. It belongs to the harness: do not train it, nor store its weights.
        target_segmenter: The same trained on the labelled target images, for metrics that need it.
        translator: The translator that is measured, fitted and on `device`, for metrics that need `translator`.
        name: What the stage is called where several are shown together, such as "cyclegan.s0"; fit for a file name.
    """

    folder: Path
    seed: int = 0
    device: str = "cpu"
    precision: Precision = "fp32"
    facts: dict[str, Any] = field(default_factory=dict)
    on_progress: Callable[[dict[str, Any]], None] | None = None
    source_segmenter: FittedSegmenter | None = None
    target_segmenter: FittedSegmenter | None = None
    translator: FittedTranslator | None = None
    name: str = ""

    def generator(self, purpose: str = "") -> torch.Generator:
        """A CPU generator that depends on the seed and the purpose alone."""
        import torch

        # `hash` of a text differs from process to process; 7 bytes, as a seed has to fit 64 bits with a sign
        digest = hashlib.sha256(f"{self.seed}:{purpose}".encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))

    def report(self, **facts: Any) -> None:
        """Store facts about this run (plain JSON values) in its record."""
        self.facts.update(facts)

    def log(self, step: int, **scalars: float) -> None:
        """Append scalars of one step to the stage's log; after a resume a step may be there twice: the later counts."""
        numbers = {name: float(value) for name, value in scalars.items()}
        line = json.dumps({"step": step, **numbers})
        with (self.folder / SCALARS).open("a") as file:
            file.write(line + "\n")

    def images(self, name: str, grid: Tensor, columns: Sequence[str] = ()) -> Path:
        """Keep a picture with the result.

        Args:
            name: File name without suffix.
            grid: RGB in [0, 1], shape (3, H, W).
            columns: What stands side by side in it, in equal widths; the names are stored in the file.

        Returns:
            The PNG file.
        """
        from PIL import Image
        from PIL.PngImagePlugin import PngInfo

        path = self.folder / PICTURES / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        levels = grid.detach().float().clamp(0, 1).mul(255).round().byte()
        pixels = levels.permute(1, 2, 0).cpu().numpy()
        notes = PngInfo()
        if columns:
            notes.add_text(COLUMNS, json.dumps(list(columns)))
        Image.fromarray(pixels).save(path, pnginfo=notes)
        return path

    @property
    def checkpoints(self) -> Path:
        """Where `checkpoint` writes, and training loops with a form of their own; thrown away with the stage done."""
        return self.folder / CHECKPOINTS

    def progress(self, done: int, total: int, unit: str = "images", **info: float) -> None:
        """Report how far this stage is; `info` may hold losses and the like."""
        if self.on_progress is not None:
            self.on_progress({"done": done, "total": total, "unit": unit, "time": time.time(), **info})

    def checkpoint(self, step: int, state: Mapping[str, Any]) -> None:
        """Store a state of tensors and plain values to resume from, safe from a kill at any moment."""
        write_checkpoint(self.checkpoints, step, state)

    def last_checkpoint(self) -> tuple[int, dict[str, Any]] | None:
        """Step and state stored last, tensors on the CPU, or None at a fresh start.

        A damaged checkpoint is removed with a line in the log, and the one before it is given.
        """
        return read_checkpoint(self.checkpoints)
