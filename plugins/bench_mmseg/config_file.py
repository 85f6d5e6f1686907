"""A segmenter from any configuration file of mmsegmentation, under the same training as all others."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor
from torch.optim import Optimizer

from bench_mmseg.compat import build_network
from bench_mmseg.model import IMAGENET_MEAN, IMAGENET_STD, ConfiguredModel, SegmentationModel
from bench_mmseg.options import LossAverage, MMSegOptions, config_path
from bench_mmseg.pretrained import load_backbone
from bench_mmseg.trainer import NetworkSegmenter
from benchmark import UsageError

DIVISOR = 32
"""Models of all families take sizes that are multiples of this."""

Tree = dict[str, Any]


class MMSegConfig(NetworkSegmenter):
    """The model of a configuration file; its data sets, pipelines, schedules and hooks are not used."""

    Options: ClassVar[type[MMSegOptions]] = MMSegOptions
    options: MMSegOptions

    def build(self, classes: int, class_weights: Tensor | None, *, pretrained: bool) -> ConfiguredModel:
        """The network for a number of classes."""
        config = self._file()
        published = pretrained and self.options.pretrained is True
        weights = None if class_weights is None else class_weights.tolist()
        average = self.options.loss_average
        model = adapted(config["model"], classes, weights, pretrained=published, average=average)
        preprocessor = model.pop("data_preprocessor", {})
        network = self._built(model)
        if pretrained and isinstance(self.options.pretrained, str):
            load_backbone(network.backbone, Path(self.options.pretrained).expanduser())
        mean = preprocessor.get("mean") or [value * 255 for value in IMAGENET_MEAN]
        std = preprocessor.get("std") or [value * 255 for value in IMAGENET_STD]
        return ConfiguredModel(
            network, tuple(value / 255 for value in mean), tuple(value / 255 for value in std), DIVISOR
        )

    def optimizer(self, model: SegmentationModel) -> Optimizer:
        """The optimizer of the options, or that of the file with its rules for single parameters."""
        if self.options.optimizer != "config":
            return super().optimizer(model)
        from mmengine.optim import build_optim_wrapper
        from mmengine.registry import DefaultScope

        wrapper = dict(self._file().get("optim_wrapper") or {})
        if "optimizer" not in wrapper:
            raise UsageError(f"{self.options.config}: names no optimizer; set 'optimizer' to sgd or adamw")
        kept = {name: wrapper[name] for name in ("optimizer", "paramwise_cfg", "constructor") if name in wrapper}
        with DefaultScope.overwrite_default_scope("mmseg"):
            optimizer: Optimizer = build_optim_wrapper(model.network, {"type": "OptimWrapper", **kept}).optimizer
        return optimizer

    def _file(self) -> Any:
        from mmengine.config import Config

        path = config_path(self.options.config)
        config = Config.fromfile(path)
        if "model" not in config:
            raise UsageError(f"{path}: expected a configuration of mmsegmentation, which names a 'model'")
        return config

    def _built(self, model: Tree) -> Any:
        try:
            return build_network(model)
        except (KeyError, TypeError, ValueError, AttributeError, AssertionError, ImportError, RuntimeError) as error:
            raise UsageError(f"{self.options.config}: its model cannot be built: {error}") from error


def adapted(
    model: Tree, classes: int, class_weights: list[float] | None, *, pretrained: bool, average: LossAverage = "all"
) -> Tree:
    """A model's configuration for other classes, one device and, unless wanted, no published weights.

    Args:
        model: As in the file.
        classes: Number of classes that all heads are to tell apart.
        class_weights: Weights for its cross-entropy losses; those of the file, made for its own classes, are dropped.
        pretrained: Keep what the file says about published weights.
        average: What its cross-entropy losses are averaged over, whatever the file says.
    """
    tree: Tree = _mapped(model, classes, cross_entropy_settings(class_weights, average))
    return tree if pretrained else _unpublished(tree)


def cross_entropy_settings(class_weights: list[float] | None, average: LossAverage) -> Tree:
    """What replaces the settings of a cross-entropy loss in a configuration, in mmsegmentation's dict form."""
    settings: Tree = {"avg_non_ignore": average == "labelled"}
    if class_weights is not None:
        settings |= {"type": "WeightedCrossEntropy", "class_weight": class_weights}
    return settings


def _mapped(node: Any, classes: int, cross_entropy: Tree) -> Any:
    if isinstance(node, (list, tuple)):
        return type(node)(_mapped(item, classes, cross_entropy) for item in node)
    if not isinstance(node, dict):
        return node
    mapped = {name: _mapped(value, classes, cross_entropy) for name, value in node.items()}
    if mapped.get("type") == "SyncBN":
        mapped["type"] = "BN"
    if "num_classes" in mapped:
        mapped["num_classes"] = classes
        mapped.pop("out_channels", None)
    if mapped.get("type") == "CrossEntropyLoss":
        mapped.pop("class_weight", None)
        mapped.update(cross_entropy)
    return mapped


def _unpublished(node: Any) -> Any:
    """The same configuration without published weights, also those of models inside of backbones."""
    if isinstance(node, (list, tuple)):
        return type(node)(_unpublished(item) for item in node)
    if not isinstance(node, dict):
        return node
    kept = {name: value for name, value in node.items() if name != "pretrained" and not _is_pretrained(value)}
    return {name: _unpublished(value) for name, value in kept.items()}


def _is_pretrained(init: Any) -> bool:
    entries = init if isinstance(init, (list, tuple)) else [init]
    return any(isinstance(entry, dict) and entry.get("type") == "Pretrained" for entry in entries)
