"""The generator, heads and discriminator of CUT, and what they minimise."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from bench_cut.contrast import patch_nce, sample_patch_ids
from bench_cut.networks import FeatureGenerator, initialize_glorot
from bench_cut.options import CUTOptions
from bench_gan.model import AdversarialModel, Batch, RealFakePair, WeightedLoss
from benchmark import StageContext


class CUTModel(AdversarialModel):
    """The generator must fool the discriminator, and each patch it makes must match the source patch of its place.

    Args:
        generators: As of `bench_cut.networks.make_generators`; their weights are drawn anew.
        discriminators: As of `bench_cut.networks.make_discriminators`; likewise.
        options: Weights of losses, and what the engine takes.
        context: Its seed decides on all weights, on the places that are compared and on mirroring.

    Source: Park et al. 2020, arXiv:2007.15651, section 3.
    """

    options: CUTOptions

    def __init__(
        self, generators: nn.ModuleDict, discriminators: nn.ModuleDict, options: CUTOptions, context: StageContext
    ) -> None:
        super().__init__(generators, discriminators, options, context)
        self._draw = context.generator("contrast")
        initialize_glorot(self, context.generator("weights"), options.init_gain)

    def generate(self, data: Batch) -> Batch:
        """`fake`, the translations; `same`, what becomes of target images, where their contrast has weight.

        Also the features of what was translated, `keys_<layer>`, mostly from the same pass, and whether all of it
        is `mirrored`. Images are brought to the generator's sizes first, lest mirroring move the features of some.
        """
        generator = cast(FeatureGenerator, self.generators["target"])
        source, target = (generator.pad_to_stride(data[side]) for side in ("source", "target"))
        inputs = torch.cat([source, target]) if self.options.lambda_nce_identity else source
        mirrored = self.options.flip_equivariance and bool(torch.rand((), generator=self._draw) < 0.5)
        translated, keys = generator.forward_with_features(inputs.flip(3) if mirrored else inputs)
        if mirrored:
            with torch.no_grad():
                keys = generator.features(inputs)
        generated = {f"keys_{layer}": features.detach() for layer, features in enumerate(keys)}
        fake, same = translated.tensor_split([len(source)])
        return generated | {"fake": fake, "same": same, "real": target, "mirrored": torch.tensor(mirrored)}

    def generator_losses(self, data: Batch, generated: Batch) -> dict[str, WeightedLoss]:
        """Adversarial loss (equation 1) and the contrast of either domain (equation 5)."""
        of_source, of_target = self._contrast(generated).tensor_split([len(generated["fake"])])
        terms = {
            "adversarial_target": self.adversarial("target", generated["fake"]),
            "nce_source": WeightedLoss(self.options.lambda_nce, of_source.mean()),
        }
        if len(of_target):
            terms["nce_target"] = WeightedLoss(self.options.lambda_nce_identity, of_target.mean())
        return terms

    def discriminator_inputs(self, data: Batch, generated: Batch) -> dict[str, RealFakePair]:
        """The discriminator compares target images with translations."""
        return {"target": RealFakePair(generated["real"], generated["fake"])}

    def training_state(self) -> dict[str, Any]:
        """The engine's, and where the draws of places and mirroring stand."""
        return super().training_state() | {"contrast": self._draw.get_state()}

    def load_training_state(self, state: dict[str, Any]) -> None:
        """Take up what `training_state` gave."""
        super().load_training_state(state)
        self._draw.set_state(state["contrast"])

    def _contrast(self, generated: Batch) -> Tensor:
        """The contrast of each translated image, source images first, as a mean over layers."""
        generator = cast(FeatureGenerator, self.generators["target"])
        queries = generator.features(torch.cat([generated["fake"], generated["same"]]))
        if generated["mirrored"]:
            queries = [features.flip(3) for features in queries]
        keys = [generated[f"keys_{layer}"] for layer in range(len(queries))]
        places = sample_patch_ids(keys, self.options.patches, self._draw)
        heads = self.generators["heads"]
        of_queries = heads(queries, places)
        with torch.no_grad():
            of_keys = heads(keys, places)
        temperature = self.options.temperature
        values = [patch_nce(query, key, temperature) for query, key in zip(of_queries, of_keys, strict=True)]
        return torch.stack(values).mean(0)
