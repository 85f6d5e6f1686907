"""SegFormer from mmsegmentation's parts, in the sizes of its paper and smaller ones."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn

from bench_engine.optimizers import Parameters
from bench_mmseg.compat import build_network
from bench_mmseg.model import CrossEntropyModel, SegmentationModel
from bench_mmseg.options import SegFormerOptions, config_path
from bench_mmseg.pretrained import cached_file, load_backbone
from bench_mmseg.trainer import NetworkSegmenter
from benchmark import UsageError

LAYERS = {
    "b0": (2, 2, 2, 2),
    "b1": (2, 2, 2, 2),
    "b2": (3, 4, 6, 3),
    "b3": (3, 4, 18, 3),
    "b4": (3, 8, 27, 3),
    "b5": (3, 6, 40, 3),
}
"""Transformer layers of the four stages (Xie et al. 2021, arXiv:2105.15203, table 6)."""

HEADS = (1, 2, 5, 8)
"""Attention heads of the four stages, and the widths of these over that of the first."""

REDUCTIONS = (8, 4, 2, 1)
"""By how much the keys of a stage are coarser than its queries, in each direction."""


class SegFormer(NetworkSegmenter):
    """A mix transformer whose four stages are joined by linear layers."""

    Options: ClassVar[type[SegFormerOptions]] = SegFormerOptions
    options: SegFormerOptions

    @property
    def coarsest(self) -> int:
        """Image size over size of the coarsest features; images are padded to multiples of it."""
        return 8 * self.options.stride

    def build(self, classes: int, class_weights: Tensor | None, *, pretrained: bool) -> CrossEntropyModel:
        """The network for a number of classes."""
        options = self.options
        network = build_network(network_config(options, classes))
        if pretrained and options.pretrained:
            load_pretrained(network.backbone, options)
        return CrossEntropyModel(network, class_weights, 0, divisor=self.coarsest, average=options.loss_average)

    def parameter_groups(self, model: SegmentationModel) -> Parameters:
        """Layer norm without decay, the head with a rate of its own, as in the authors' code."""
        options = self.options
        groups: dict[tuple[float, float], list[Tensor]] = defaultdict(list)
        for name, parameter in model.network.named_parameters():
            rate = options.lr * (options.head_lr_factor if name.startswith("decode_head.") else 1)
            decay = 0.0 if "norm" in name else options.weight_decay
            groups[rate, decay].append(parameter)
        return [{"params": group, "lr": rate, "weight_decay": decay} for (rate, decay), group in groups.items()]


def published_width(variant: str) -> int:
    """Channels of the first stage of a variant."""
    return 32 if variant == "b0" else 64


def network_config(options: SegFormerOptions, classes: int) -> dict[str, Any]:
    """The network in mmsegmentation's dict form."""
    width = options.width or published_width(options.variant)
    channels = options.channels or (256 if options.variant in ("b0", "b1") else 768)
    backbone = {
        "type": "MixVisionTransformer",
        "embed_dims": width,
        "num_layers": LAYERS[options.variant],
        "num_heads": HEADS,
        "patch_sizes": (7, 3, 3, 3),
        "strides": (options.stride, 2, 2, 2),
        "sr_ratios": REDUCTIONS,
        "mlp_ratio": 4,
        "drop_path_rate": options.drop_path,
    }
    head = {
        "type": "LinearHead",
        "in_channels": [width * heads for heads in HEADS],
        "in_index": [0, 1, 2, 3],
        "channels": channels,
        "dropout_ratio": options.dropout,
        "num_classes": classes,
        "norm_cfg": {"type": "BN"},
        "align_corners": False,
    }
    return {"type": "EncoderDecoder", "backbone": backbone, "decode_head": head}


def load_pretrained(backbone: nn.Module, options: SegFormerOptions) -> None:
    """Give the encoder the weights that the options name.

    Raises:
        UsageError: There are none, or they cannot be had.
    """
    if isinstance(options.pretrained, str):
        load_backbone(backbone, Path(options.pretrained).expanduser())
        return
    published = published_width(options.variant)
    if options.width not in (None, published):
        raise UsageError(
            f"pretrained = true: there are no published weights of {options.variant} with width {options.width}; "
            f"use width {published}, or the path of a file"
        )
    load_backbone(backbone, cached_file(weights_url(options.variant)))


def weights_url(variant: str) -> str:
    """Where OpenMMLab publishes the ImageNet weights of a variant, as mmsegmentation's configuration of it says."""
    from mmengine.config import Config

    config = Config.fromfile(config_path(f"segformer_mit-{variant}_8xb1-160k_cityscapes-1024x1024"))
    return str(config.model.backbone.init_cfg.checkpoint)
