"""Options of CycleGAN, in a module that loads no heavy library."""

from __future__ import annotations

from pydantic import Field

from bench_gan.options import AdversarialOptions, PatchOptions, ResnetOptions


class CycleGANOptions(AdversarialOptions, ResnetOptions, PatchOptions):
    """The defaults are those of the paper: Zhu et al. 2017, arXiv:1703.10593, section 4 and appendix 7."""

    lambda_cycle: float = Field(10.0, ge=0, description="Weight of the cycle loss, of either direction.")
    lambda_identity: float = Field(
        0.0,
        ge=0,
        description="Weight of the identity loss, absolute; 0: not computed. The paper's paintings have 5.",
    )
