"""Suites that a plugin author subclasses in a pytest file, to learn whether a plugin keeps its contract."""

from benchmark.testing.metrics import MetricConformance
from benchmark.testing.segmenters import SegmenterConformance
from benchmark.testing.translators import TranslatorConformance

__all__ = ["MetricConformance", "SegmenterConformance", "TranslatorConformance"]
