"""DeepLabV3 and the models of configuration files keep the contract of a segmenter."""

from pathlib import Path
from types import MappingProxyType

from bench_mmseg.config_file import MMSegConfig
from bench_mmseg.deeplabv3 import DeepLabV3
from bench_mmseg.options import DeepLabV3Options, MMSegOptions
from benchmark import AdaptsStatistics, HasLogits
from benchmark.testing import SegmenterConformance

FCN = Path(__file__).parents[2] / "golden" / "fcn.py"
TRAINING = {"images_seen": 8, "batch_size": 2, "checkpoint_every": 1, "log_every": 1, "sample_every": 0}


class TestDeepLabV3(SegmenterConformance):
    abilities = (HasLogits, AdaptsStatistics)
    batch_of_one = MappingProxyType({})
    refused = (({"batch_size": 1}, "batch_size: expected at least 2"),)

    def make(self, **changes):
        tiny = {"backbone": "resnetv1c-18", "width": 8, "aspp_channels": 16, "dilations": (1, 2), "output_stride": 8}
        return DeepLabV3(DeepLabV3Options(**{**TRAINING, **tiny, **changes}))


class TestAlignedDeepLabV3(TestDeepLabV3):
    def make(self, **changes):
        return super().make(lambda_alignment=0.01, alignment_filters=4, **changes)


class TestMMSegConfig(SegmenterConformance):
    abilities = (HasLogits, AdaptsStatistics)

    def make(self, **changes):
        return MMSegConfig(MMSegOptions(**{"config": str(FCN), **TRAINING, **changes}))
