"""Options of CyCADA, in a module that loads no heavy library."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bench_cyclegan.options import CycleGANOptions


class CyCADAOptions(CycleGANOptions):
    """CycleGAN's, with the same defaults, and those of the semantic consistency loss."""

    lambda_semantic: float = Field(
        1.0, ge=0, description="Weight of the semantic consistency loss, of either direction; 0: not computed."
    )
    confidence: float = Field(
        0.9,
        ge=0,
        lt=1,
        description="Probability from which the segmenter's reading of a pixel counts; 0: all pixels count.",
    )
    source_classes: Literal["reading", "label"] = Field(
        "reading",
        description="What a translated source image is to be read as: what its original is read as (the paper), or "
        "its label (the released code).",
    )
