"""Options that every training has, in a module that loads no heavy library."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from benchmark import PluginOptions

RUNTIME_ONLY: dict[str, Any] = {"unit": "steps", "affects_results": False}


class TrainingOptions(PluginOptions):
    """How long to train, and how often to look, keep and show."""

    images_seen: int = Field(
        20_000, ge=1, description="Training images seen in all.", json_schema_extra={"unit": "images"}
    )
    batch_size: int = Field(8, ge=1, description="Images of one step.", json_schema_extra={"unit": "images"})
    checkpoint_every: int = Field(
        500, ge=1, description="How often the state is kept to resume from.", json_schema_extra=RUNTIME_ONLY
    )
    log_every: int = Field(50, ge=1, description="How often losses are logged.", json_schema_extra=RUNTIME_ONLY)
    sample_every: int | None = Field(
        None,
        ge=0,
        description="How often sample pictures are drawn; 0: never; none: five times in all.",
        json_schema_extra=RUNTIME_ONLY,
    )
    max_bad_steps: int = Field(
        20,
        ge=1,
        description="Steps in a row without a finite loss and gradient, each of them skipped, that end the training.",
        json_schema_extra={"unit": "steps"},
    )
    tensorboard: bool = Field(
        True,
        description="Write losses and sample pictures for TensorBoard, too, next to the stage's log.",
        json_schema_extra={"affects_results": False},
    )

    @property
    def steps(self) -> int:
        """Steps that show at least `images_seen` images."""
        return -(-self.images_seen // self.batch_size)
