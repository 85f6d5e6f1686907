"""Adversarial alignment in score space: a segmenter's score maps of target images come to look like training ones'.

A discriminator D learns to tell score maps of labelled training images from score maps of unlabelled target images;
the segmenter S learns its labels and, at the same time, to have its target maps taken for training maps:

    loss of S = cross-entropy(S(x_train), y) + lambda_alignment * -log D(softmax S(x_target))
    loss of D = -log D(softmax S(x_train)) - log(1 - D(softmax S(x_target)))

averaged over images and places. Scenes of both domains have their things in like places and shapes, so that score maps
are to agree where images need not.

It stands in two papers:

- AdaptSegNet (Tsai et al. 2018, arXiv:1802.10349, sections 3 and 4, equations 1 to 5), whose discriminator, softmax
  before it, Adam (1e-4, betas 0.9 and 0.99), joint training from the first step, shared learning-rate schedule and
  order of updates (segmenter, then discriminator, both on maps made once) are taken over. It weighs the two parts of
  the discriminator's loss by 1/2, which Adam does not notice, and adds a second, weaker alignment at the fourth stage
  of the backbone, which is left out. Its lambda for one level is 0.001.
- CyCADA (Hoffman et al. 2018, arXiv:1711.03213, section 3), as its stage of feature-level adaptation: the last term of
  its objective, with the translated source images as training images. The released experiment from GTA5 also aligns
  scores and shares the weights between the domains, with a lambda of 0.1 for the segmenter and 1 for the discriminator.
  Departures from it: it fine-tunes a finished segmenter at a rate of 1e-5, where this trains jointly (`alignment_from`
  delays the alignment, and with it the discriminator, to a later share of the same training); it shows D the scores
  before the softmax, trains D by SGD and first, and updates S only while D is right in more than 60 % of the places.

Training and target images pass through the network one after the other, as in both papers: batch norm normalises each
domain by its own batch, and its running means, by which images are predicted, become those of both domains together.
Networks of mmsegmentation configurations compute their losses themselves, and pass training images once more for their
score maps: there the running means see them twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from bench_engine.adversarial import cross_entropy, discriminator_loss, frozen
from bench_engine.images import pad_to_multiple
from bench_engine.model import TrainableModel
from bench_engine.optimizers import GuardedOptimizer, adam
from bench_engine.precision import channels_last
from bench_mmseg.model import SegmentationModel
from bench_mmseg.options import SegmenterOptions
from benchmark import StageContext

LAYERS = 5
SLOPE = 0.2
BETAS = (0.9, 0.99)

Batch = dict[str, Tensor]

GAN_LOSS = cross_entropy()
"""Both papers' objective; "real" are score maps of training images, "generated" those of target images."""


class ScoreDiscriminator(nn.Module):
    """For each patch of a score map: does it come from a training image?

    Five 4x4 convolutions of stride 2, leaky ReLU between them, no norm and no sigmoid; a score sees 94 x 94 pixels.
    Weights are drawn from N(0, 2 / ((1 + 0.2^2) * inputs)) (He et al. 2015, arXiv:1502.01852, equation 15).

    Args:
        classes: Channels of a score map.
        filters: Channels of the first layer; doubled at each further one, up to 8 times.
        generator: Where the weights come from.

    Source: Tsai et al. 2018, arXiv:1802.10349, section 4.1.
    """

    def __init__(self, classes: int, filters: int, generator: torch.Generator) -> None:
        super().__init__()
        widths = [classes, *(filters * 2**level for level in range(LAYERS - 1)), 1]
        layers = [nn.Conv2d(narrow, wide, 4, 2, 1) for narrow, wide in pairwise(widths)]
        self.layers = nn.ModuleList(layers)
        for layer in layers:
            nn.init.kaiming_normal_(layer.weight, a=SLOPE, generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, maps: Tensor) -> Tensor:
        """Scores of shape (N, 1, h, w) for softmaxed score maps, shape (N, classes, H, W) of any size."""
        features = pad_to_multiple(maps, 1, minimum=2**LAYERS)
        for layer in self.layers[:-1]:
            features = F.leaky_relu(layer(features), SLOPE)
        scores: Tensor = self.layers[-1](features)
        return scores


class AlignedModel(TrainableModel):
    """A segmenter and the discriminator of its score maps, and one step of their joint training.

    Args:
        segmenter: Initialised; it is trained in place.
        classes: How many it tells apart.
        options: Weight and rates of the alignment.
        context: Its seed decides on the discriminator's weights.
    """

    def __init__(
        self, segmenter: SegmentationModel, classes: int, options: SegmenterOptions, context: StageContext
    ) -> None:
        super().__init__()
        self.options = options
        self.segmenter = segmenter
        weights = context.generator("alignment:weights")
        self.discriminator = channels_last(ScoreDiscriminator(classes, options.alignment_filters, weights))

    def optimizers(self) -> dict[str, Optimizer]:
        """What `train_step` asks for beside the optimizer of the segmenter."""
        return {"discriminator": adam(self.discriminator.parameters(), self.options.lr_alignment_discriminator, BETAS)}

    def forward(self, images: Tensor) -> Tensor:
        """The segmenter's logits."""
        logits: Tensor = self.segmenter(images)
        return logits

    def train_step(self, data: Batch, optimizers: Mapping[str, GuardedOptimizer]) -> Batch:
        """Update the segmenter, then the discriminator on the same score maps.

        Args:
            data: Training `images` and `labels`, and `target` images; without the latter it is the segmenter's
                ordinary step.
            optimizers: `segmenter` and `discriminator`.

        Returns:
            Scalars to log: the segmenter's losses and their sum; `alignment`, its adversarial loss before the weight;
            loss and accuracy of the discriminator; norms of both gradients.
        """
        if "target" not in data:
            return self.segmenter.train_step(data, optimizers)
        logged, training, target = self._update_segmenter(data, optimizers["segmenter"])
        return logged | self._update_discriminator(training, target, optimizers["discriminator"])

    def _update_segmenter(self, data: Batch, optimizer: GuardedOptimizer) -> tuple[Batch, Tensor, Tensor]:
        with optimizer.autocast(), frozen(self.discriminator):
            losses, logits = self.segmenter.losses_and_logits(data["images"], data["labels"])
            target = score_maps(self.segmenter(data["target"]))
            alignment = GAN_LOSS.generator(self.discriminator(target))
        loss = torch.stack([*losses.values(), self.options.lambda_alignment * alignment]).sum()
        optimizer.update(loss)
        logged = {"loss": loss, **losses, "alignment": alignment, "gradient_norm_segmenter": optimizer.gradient_norm}
        return logged, score_maps(logits), target.detach()

    def _update_discriminator(self, training: Tensor, target: Tensor, optimizer: GuardedOptimizer) -> Batch:
        with optimizer.autocast():
            verdict = discriminator_loss(self.discriminator, training, target, GAN_LOSS)
        optimizer.update(verdict.loss)
        return {
            "alignment_discriminator": verdict.loss,
            "alignment_accuracy": verdict.accuracy,
            "gradient_norm_discriminator": optimizer.gradient_norm,
        }


def score_maps(logits: Tensor) -> Tensor:
    """Probabilities of the classes at each pixel, float32, shape (N, classes, H, W) as the logits."""
    return logits.float().softmax(1)
