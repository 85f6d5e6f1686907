"""bench: which image-to-image translator best adapts which semantic segmenter to a domain without labels.

This module is all that a plugin author imports, besides `benchmark.testing`; it loads no heavy library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmark.api.cli_option import CommandOption
from benchmark.api.dataset import IGNORE, ClassSet, Dataset, Sample
from benchmark.api.doctor_check import DoctorCheck, check_import
from benchmark.api.executor import Executor, Job, Outcome
from benchmark.api.hookspecs import hookimpl
from benchmark.api.metric import (
    AcceptsImageIds,
    HasReferenceState,
    Metric,
    SegmentationMetric,
    TranslationMetric,
    Value,
    VariantMetric,
)
from benchmark.api.options import PluginOptions
from benchmark.api.scenario import Scenario, Side
from benchmark.api.segmenter import AdaptsStatistics, HasLogits, Segmenter
from benchmark.api.spec import API_VERSION, PluginSpec
from benchmark.api.stage_context import FittedSegmenter, Precision, RequestedDevice, RequestedPrecision, StageContext
from benchmark.api.translator import HasAttentionMaps, HasPixelAttention, Invertible, MultiVariant, Translator
from benchmark.errors import (
    BenchError,
    DataError,
    PluginError,
    StoreError,
    Unavailable,
    UsageError,
    did_you_mean,
    display_path,
)

if TYPE_CHECKING:
    from benchmark.api.imageset import ImageSet

__version__ = "0.1.0"

__all__ = [
    "API_VERSION",
    "IGNORE",
    "AcceptsImageIds",
    "AdaptsStatistics",
    "BenchError",
    "ClassSet",
    "CommandOption",
    "DataError",
    "Dataset",
    "DoctorCheck",
    "Executor",
    "FittedSegmenter",
    "HasAttentionMaps",
    "HasLogits",
    "HasPixelAttention",
    "HasReferenceState",
    "ImageSet",
    "Invertible",
    "Job",
    "Metric",
    "MultiVariant",
    "Outcome",
    "PluginError",
    "PluginOptions",
    "PluginSpec",
    "Precision",
    "RequestedDevice",
    "RequestedPrecision",
    "Sample",
    "Scenario",
    "SegmentationMetric",
    "Segmenter",
    "Side",
    "StageContext",
    "StoreError",
    "TranslationMetric",
    "Translator",
    "Unavailable",
    "UsageError",
    "Value",
    "VariantMetric",
    "check_import",
    "did_you_mean",
    "display_path",
    "hookimpl",
    "read_outcome",
    "run_job",
]

_LAZY = {
    "ImageSet": "benchmark.api.imageset",  # loads numpy
    "read_outcome": "benchmark.execution.worker",
    "run_job": "benchmark.execution.worker",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'benchmark' has no attribute '{name}'")
    return getattr(import_module(_LAZY[name]), name)
