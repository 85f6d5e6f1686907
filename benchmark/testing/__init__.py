"""Suites that a plugin author subclasses in a pytest file, to learn whether a plugin keeps its contract."""

from benchmark.testing.datasets import DatasetConformance
from benchmark.testing.executors import ExecutorConformance
from benchmark.testing.metrics import MetricConformance
from benchmark.testing.segmenters import SegmenterConformance
from benchmark.testing.translators import TranslatorConformance

__all__ = [
    "DatasetConformance",
    "ExecutorConformance",
    "MetricConformance",
    "SegmenterConformance",
    "TranslatorConformance",
]
