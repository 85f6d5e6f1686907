"""bench: which image-to-image translator best adapts which semantic segmenter to a domain without labels.

This module is what a plugin author imports; it loads no heavy library.
"""

from benchmark.contracts.dataset import IGNORE, ClassSet, Dataset, Sample
from benchmark.contracts.executor import Executor, Job, Outcome
from benchmark.contracts.metric import Metric, NamesImages, OverVariants, SegmentationMetric, TranslationMetric, Value
from benchmark.contracts.options import PluginOptions
from benchmark.contracts.run import Run
from benchmark.contracts.scenario import Scenario, Side
from benchmark.contracts.segmenter import Differentiable, Segmenter
from benchmark.contracts.spec import API_VERSION, PluginSpec
from benchmark.contracts.translator import Attentive, Invertible, MultiVariant, Pointing, Translator
from benchmark.errors import BenchError, DataError, PluginError, StoreError, Unavailable, UsageError
from benchmark.hookspecs import hookimpl

__version__ = "0.1.0"

__all__ = [
    "API_VERSION",
    "IGNORE",
    "Attentive",
    "BenchError",
    "ClassSet",
    "DataError",
    "Dataset",
    "Differentiable",
    "Executor",
    "Invertible",
    "Job",
    "Metric",
    "MultiVariant",
    "NamesImages",
    "Outcome",
    "OverVariants",
    "PluginError",
    "PluginOptions",
    "PluginSpec",
    "Pointing",
    "Run",
    "Sample",
    "Scenario",
    "SegmentationMetric",
    "Segmenter",
    "Side",
    "StoreError",
    "TranslationMetric",
    "Translator",
    "Unavailable",
    "UsageError",
    "Value",
    "hookimpl",
]
