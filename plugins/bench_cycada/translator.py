"""CyCADA's pixel-level adaptation as the harness sees it: CycleGAN that is given a segmenter of source images."""

from __future__ import annotations

from typing import ClassVar

from bench_cycada.model import CyCADAModel
from bench_cycada.options import CyCADAOptions
from bench_cyclegan.translator import CycleGAN
from benchmark import HasLogits, PluginOptions, StageContext, UsageError


class CyCADA(CycleGAN):
    """CycleGAN with semantic consistency under a frozen segmenter that was trained on source images.

    The paper's feature-level adaptation is a matter of the segmenter, not of translation: give `deeplabv3` a
    `lambda_alignment`, with this translator for both levels, with source-only for the feature level alone.

    Source: Hoffman et al. 2018, arXiv:1711.03213. Departures, beside those of CycleGAN: pixels count only where the
    segmenter is sure (`confidence`), as a segmenter of the source misreads much of a target image; the released code
    instead drops both terms in steps in which its classifier's loss exceeds 1. The segmenter is frozen, as in the
    paper; the released code trains it along. All adversarial losses weigh 1, where the released code gives the target's
    2. The paper could not hold the segmenter in memory and published GTA5 results without this loss; here it is on.
    Labels of source images are used where `source_classes` is "label" alone.
    """

    Options: ClassVar[type[PluginOptions]] = CyCADAOptions
    options: CyCADAOptions

    def make_model(self, context: StageContext) -> CyCADAModel:
        """CycleGAN's networks with CyCADA's losses; `UsageError` where no gradient can pass the segmenter."""
        segmenter: object = context.source_segmenter
        if not isinstance(segmenter, HasLogits):
            raise UsageError(
                f"cycada: expected a segmenter with a method `logits`, through which gradients pass, but the auxiliary "
                f"segmenter of this matrix is a {type(segmenter).__name__}; choose another one, as by "
                'auxiliary_segmenter = "deeplabv3"'
            )
        return CyCADAModel(self.generators, self.make_discriminators(), self.options, context, segmenter)
