"""Draws the curves of a training: losses, accuracy of its discriminators, gradient norms."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from benchmark.api.stage_context import SCALARS
from benchmark.store.json_files import read_json
from benchmark.store.layout import RESULT
from benchmark.store.scalars import read_scalars

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Curve = Mapping[float, float]
"""A scalar by the number of images seen, or of steps."""

PANEL_INCHES, DOTS_PER_INCH = (4.8, 2.9), 100
COLUMNS = 2
GROUPS: dict[str, Callable[[str], bool]] = {
    "share that a discriminator gets right": lambda name: name.startswith("accuracy"),
    "gradient norm": lambda name: name.startswith("gradient_norm"),
    "discriminator loss": lambda name: name.startswith(("discriminator", "penalty")),
    "loss": lambda name: True,
}
"""Panels, and what of a log stands in them: the first that takes a name has it."""


def training_curves(folder: Path, title: str) -> Image.Image:
    """Every scalar that a training logged, over the images it has seen; learning rates are left out.

    Args:
        folder: A finished training.
        title: A line above all.

    Raises:
        FileNotFoundError: Nothing was logged.
    """
    from matplotlib.figure import Figure

    curves, unit = read_curves(folder)
    panels = curves_by_panel(curves)
    if not panels:
        raise FileNotFoundError(folder / SCALARS)
    columns = min(COLUMNS, len(panels))
    rows = math.ceil(len(panels) / COLUMNS)
    size = columns * PANEL_INCHES[0], rows * PANEL_INCHES[1] + 0.3
    figure = Figure(figsize=size, dpi=DOTS_PER_INCH, layout="constrained")
    figure.suptitle(title, fontsize=10, color="dimgray")
    for number, (heading, panel) in enumerate(panels.items(), start=1):
        _draw(figure.add_subplot(rows, columns, number), heading, panel, unit)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    with Image.open(file) as picture:
        return picture.convert("RGB")


def read_curves(folder: Path) -> tuple[dict[str, dict[float, float]], str]:
    """The scalars of a training by name, and their horizontal axis: "images seen", or "steps" where that is unknown."""
    result = read_json(folder / RESULT)
    facts = result.get("facts", {}) if isinstance(result, dict) else {}
    steps, images = facts.get("steps"), facts.get("images_seen")
    images_per_step = None
    if isinstance(steps, int) and isinstance(images, int) and steps > 0:
        images_per_step = images / steps
    unit = images_per_step or 1
    scalars = read_scalars(folder)
    curves = {name: {step * unit: value for step, value in curve.items()} for name, curve in scalars.items()}
    return curves, "images seen" if images_per_step else "steps"


def curves_by_panel(curves: Mapping[str, Curve]) -> dict[str, dict[str, Curve]]:
    """Curves by panel and name, losses first, learning rates nowhere."""
    panels: dict[str, dict[str, Curve]] = {heading: {} for heading in reversed(GROUPS)}
    for name, curve in curves.items():
        if name.rpartition(".")[2] not in ("lr", "base_lr"):
            heading = next(heading for heading, takes in GROUPS.items() if takes(name))
            panels[heading][name] = curve
    return {heading: found for heading, found in panels.items() if found}


def _draw(axes: Axes, heading: str, curves: Mapping[str, Curve], unit: str) -> None:
    values: list[float] = []
    for name, curve in curves.items():
        positions = sorted(curve)
        heights = [curve[position] for position in positions]
        axes.plot(positions, heights, label=name, linewidth=0.9)
        values += heights
    axes.set_title(heading, fontsize=9)
    axes.tick_params(which="both", labelsize=7)
    axes.grid(alpha=0.3)
    if heading.startswith("share"):
        axes.set_ylim(-0.03, 1.03)
    elif all(value > 0 for value in values):
        axes.set_yscale("log")
    axes.set_xlabel(unit, fontsize=8)
    axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
