"""bench: which image-to-image translator best adapts which semantic segmenter to a domain without labels.

This module is what a plugin author imports; it loads no heavy library.
"""

from benchmark.api.dataset import IGNORE, ClassSet, Dataset, Sample
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
from benchmark.api.segmenter import HasLogits, Segmenter
from benchmark.api.spec import API_VERSION, PluginSpec
from benchmark.api.stage_context import StageContext
from benchmark.api.translator import HasAttentionMaps, HasPixelAttention, Invertible, MultiVariant, Translator
from benchmark.errors import BenchError, DataError, PluginError, StoreError, Unavailable, UsageError

__version__ = "0.1.0"

__all__ = [
    "API_VERSION",
    "IGNORE",
    "AcceptsImageIds",
    "BenchError",
    "ClassSet",
    "DataError",
    "Dataset",
    "Executor",
    "HasAttentionMaps",
    "HasLogits",
    "HasPixelAttention",
    "HasReferenceState",
    "Invertible",
    "Job",
    "Metric",
    "MultiVariant",
    "Outcome",
    "PluginError",
    "PluginOptions",
    "PluginSpec",
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
    "hookimpl",
]
