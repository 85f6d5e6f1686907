"""What adversarial translators minimise beside their adversarial losses."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def reconstruction_loss(images: Tensor, reconstruction: Tensor) -> Tensor:
    """Mean absolute difference in float32: the norm of cycle and identity loss.

    Source: Zhu et al. 2017, arXiv:1703.10593, equation 2 and section 5.2.
    """
    return F.l1_loss(reconstruction.float(), images.float())
