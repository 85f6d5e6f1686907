"""All segmenters keep the contract of a segmenter."""

from pathlib import Path
from types import MappingProxyType

from bench_mmseg.config_file import MMSegConfig
from bench_mmseg.deeplabv3 import DeepLabV3, DeepLabV3Plus
from bench_mmseg.options import (
    DeepLabV3Options,
    DeepLabV3PlusOptions,
    MMSegOptions,
    SegFormerOptions,
    UNetOptions,
)
from bench_mmseg.segformer import SegFormer
from bench_mmseg.unet import UNet
from benchmark import AdaptsStatistics, HasLogits
from benchmark.testing import SegmenterConformance

FCN = Path(__file__).parents[2] / "golden" / "fcn.py"
PYRAMID = {"backbone": "resnetv1c-18", "width": 8, "aspp_channels": 16, "dilations": (1, 2), "output_stride": 8}
TRAINING = {"images_seen": 8, "batch_size": 2, "checkpoint_every": 1, "log_every": 1, "sample_every": 0}


class TestDeepLabV3(SegmenterConformance):
    abilities = (HasLogits, AdaptsStatistics)
    batch_of_one = MappingProxyType({})
    refused = (({"batch_size": 1}, "batch_size: expected at least 2"),)

    def make(self, **changes):
        return DeepLabV3(DeepLabV3Options(**{**TRAINING, **PYRAMID, **changes}))


class TestDeepLabV3Plus(TestDeepLabV3):
    def make(self, **changes):
        return DeepLabV3Plus(DeepLabV3PlusOptions(**{**TRAINING, **PYRAMID, "low_level_channels": 8, **changes}))


class TestSegFormer(SegmenterConformance):
    abilities = (HasLogits, AdaptsStatistics)
    size = (40, 56)
    odd_size = (37, 45)
    refused = (({"batch_size": 1, "crop": (32, 32)}, "batch_size: expected at least 2 for images of 32 x 32 pixels"),)

    def make(self, **changes):
        tiny = {"width": 8, "channels": 16, "lr": 1e-3}
        return SegFormer(SegFormerOptions(**{**TRAINING, **tiny, **changes}))


class TestUNet(SegmenterConformance):
    abilities = (HasLogits, AdaptsStatistics)
    refused = (({"batch_size": 1, "crop": (4, 4)}, "batch_size: expected at least 2 for images of 4 x 4 pixels"),)

    def make(self, **changes):
        return UNet(UNetOptions(**{**TRAINING, "width": 4, "levels": 3, **changes}))


class TestSegmenterWithEveryOption(TestUNet):
    def make(self, **changes):
        options = {"average": 0.9, "noise": 0.1, "amplitude": 0.5, "blur": 1.0, "jitter": 0.2, "scale": (0.8, 1.5)}
        return super().make(**options, sampling="class-balanced", sampling_temperature=0.5, **changes)


class TestAlignedDeepLabV3(TestDeepLabV3):
    def make(self, **changes):
        return super().make(lambda_alignment=0.01, alignment_filters=4, **changes)


class TestMMSegConfig(SegmenterConformance):
    abilities = (HasLogits, AdaptsStatistics)

    def make(self, **changes):
        return MMSegConfig(MMSegOptions(**{"config": str(FCN), **TRAINING, **changes}))
